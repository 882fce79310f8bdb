// TLS over any stream (RFC 8446, RFC 5246; nothing older), with an engine of our own: it can end one
// direction alone, tells an end from a cut, and loses no byte. OpenSSL stays behind these declarations.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/system/result.hpp>
#include <memory>
#include <string>

#include "io/stream.hpp"

namespace omnilink::io {

/// One side's settings; made once, used by any number of streams on any worker. Streams keep what they need
/// of it.
class tls_context {
 public:
  /// Verifies the peer's chain against `ca_file` (PEM; empty: the system's certificates) and its certificate
  /// against `name`, a host name or an address, always; a host name is also sent as SNI (RFC 6066 section 3).
  /// Resumes sessions. The error is one line that names the file.
  static boost::system::result<std::unique_ptr<tls_context>, std::string> client(
      const std::string& name, const std::string& ca_file = {});
  /// For the demo and the tests.
  static boost::system::result<std::unique_ptr<tls_context>, std::string> server(
      const std::string& certificate_pem, const std::string& key_pem);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

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
  /// tls_untrusted, tls_wrong_name, tls_failed; or closed_early, reset, canceled, … of the stream below
  core::errc code = core::errc::ok;
  int system_errno = 0;
  std::string detail;    ///< OpenSSL's reason, no bytes of the peer; empty when there is none
  bool resumed = false;  ///< of an earlier session
};

/// `on` is a stream of make_tls_stream(). No timeout: close the stream to end it (errc::canceled).
boost::asio::awaitable<tls_result> tls_handshake(stream& on);

}  // namespace omnilink::io
