// TLS over any stream (RFC 8446, RFC 5246; nothing older), with an engine of our own: it can end one
// direction alone, tells an end from a cut, and loses no byte. OpenSSL stays behind these declarations.
#pragma once

#include <boost/system/result.hpp>
#include <memory>
#include <string>

#include "io/stream.hpp"
#include "io/task.hpp"
#include "io/tls_config.hpp"

namespace omnilink::io {

/// How many handshakes a context has seen to their end.
struct tls_handshakes {
  std::uint64_t full = 0;
  std::uint64_t resumed = 0;  ///< of an earlier session: no certificate was sent, the one verified then counts
};

/// One side's settings; made once, used by any number of streams on any worker. Streams keep what they need
/// of it.
class tls_context {
 public:
  /// Verifies the peer's chain and its certificate's name, always, and after them the pins; a host name is also sent as SNI
  /// (RFC 6066 section 3). Resumes sessions, its own only. The error is one line that names the file.
  static boost::system::result<std::unique_ptr<tls_context>, std::string> client(const tls_client_config& wanted);
  /// For the demo and the tests.
  static boost::system::result<std::unique_ptr<tls_context>, std::string> server(
      const std::string& certificate_pem, const std::string& key_pem, tls_version newest = tls_version::v1_3);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  /// What works and yet will not do (our certificate has expired); empty: nothing.
  const std::string& warning() const noexcept;
  tls_handshakes handshakes() const noexcept;

  struct impl;
  const std::shared_ptr<impl>& settings() const noexcept { return impl_; }

 private:
  explicit tls_context(std::shared_ptr<impl> made) noexcept;
  std::shared_ptr<impl> impl_;
};

/// The first read, write or tls_handshake() begins the handshake. read() gives eof after close_notify only,
/// and tls_truncated where the bytes below ended without; shutdown_send() sends close_notify and leaves the
/// stream below open.
std::unique_ptr<stream> make_tls_stream(std::unique_ptr<stream> lower, const tls_context& settings);

struct tls_result {
  /// tls_untrusted, tls_wrong_name, tls_wrong_pin, tls_failed; or closed_early, reset, canceled, … of the stream below
  core::errc code = core::errc::ok;
  int system_errno = 0;
  std::string detail;    ///< one line: OpenSSL's reason, and what in the certificate is meant; empty: none
  bool resumed = false;  ///< of an earlier session
};

/// `on` is a stream of make_tls_stream(). No timeout: close the stream to end it (errc::canceled). What is said last goes with the first
/// write(), or ahead of the first read() or flush().
task<tls_result> tls_handshake(stream& on);

/// Why a stream, or one of those below it, failed with tls_failed; also what a TLS 1.3 server says against our certificate, which
/// comes after the handshake. Empty: it did not.
std::string tls_failure(stream& of);

}  // namespace omnilink::io
