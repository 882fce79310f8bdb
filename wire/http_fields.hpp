// The fields of a message that goes on to somebody else: what they say about this connection and about the body is understood and
// taken out, the rest is kept as it is (RFC 9110 section 7.6.1, RFC 9112 section 6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/credentials.hpp"
#include "wire/handshake.hpp"
#include "wire/http_head.hpp"

namespace omnilink::wire {

class http_fields {
 public:
  /// bad_message where it contradicts an earlier one or leaves open where the body ends: that is how requests are smuggled.
  errc take(const http_field& field);
  /// The same for the whole, once the last field was taken.
  errc check() const;

  bool has_host() const noexcept { return has_host_; }
  std::optional<std::uint64_t> length() const noexcept { return length_; }
  bool chunked() const noexcept { return chunked_; }
  /// Connection says so.
  bool closes() const noexcept { return names("close"); }
  /// Both ends may agree to speak another protocol behind this message.
  bool upgrades() const noexcept { return names("upgrade") && !upgrade_.empty(); }
  std::optional<credentials> take_login() noexcept { return std::move(login_); }

  /// The fields for the next connection, each with CR LF; `upgrade`: those that ask for another protocol, too.
  std::string forwarded(bool upgrade) const;

 private:
  struct kept {
    std::size_t begin, name_size, size;
  };

  bool names(std::string_view option) const noexcept;

  std::string text_;
  std::vector<kept> kept_;
  std::vector<std::string> connection_;  // the options of Connection
  std::string upgrade_;
  std::optional<std::uint64_t> length_;
  std::optional<credentials> login_;
  bool has_login_ = false;
  bool chunked_ = false;
  bool has_host_ = false;
};

}  // namespace omnilink::wire
