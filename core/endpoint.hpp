// Addresses as values: no sockets, no system headers.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace omnilink::core {

/// An IPv4 or IPv6 address. Bytes are in network order; an IPv4 address uses the first four. The default is 0.0.0.0.
class address {
 public:
  using bytes_v4 = std::array<std::uint8_t, 4>;
  using bytes_v6 = std::array<std::uint8_t, 16>;

  constexpr address() = default;
  static address v4(bytes_v4 bytes) noexcept;
  /// In host order: v4(0x7f000001) is 127.0.0.1.
  static address v4(std::uint32_t host_order) noexcept;
  static address v6(bytes_v6 bytes) noexcept;
  /// "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"; no brackets, no zone, no leading zeros in IPv4 (RFC 4291, RFC 6943).
  static std::optional<address> parse(std::string_view text) noexcept;

  bool is_v4() const noexcept { return !is_v6_; }
  bool is_v6() const noexcept { return is_v6_; }
  bytes_v4 to_v4() const noexcept;
  bytes_v6 to_v6() const noexcept { return bytes_; }
  bool is_loopback() const noexcept;     ///< 127/8, ::1, or mapped
  bool is_unspecified() const noexcept;  ///< 0.0.0.0, ::, or mapped
  bool is_v4_mapped() const noexcept;    ///< ::ffff:0:0/96
  /// The IPv4 address inside ::ffff:0:0/96; anything else is itself.
  address unmapped() const noexcept;
  /// RFC 5952.
  std::string to_string() const;

  friend auto operator<=>(const address&, const address&) = default;

 private:
  bytes_v6 bytes_{};
  bool is_v6_ = false;
};

struct endpoint {
  core::address address;
  std::uint16_t port = 0;

  /// "192.0.2.1:80", "[2001:db8::1]:80".
  static std::optional<endpoint> parse(std::string_view text) noexcept;
  std::string to_string() const;
  friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

/// endpoint::to_string() in memory of its own: for what is written with every connection.
class endpoint_text {
 public:
  explicit endpoint_text(const endpoint& from) noexcept;
  std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 56> text_;  // "[" 45 "]:65535"
  std::size_t size_ = 0;
};

/// Where a connection wants to go: a name (never resolved on the way) or an address, and a port.
struct target {
  std::string name;       ///< empty: `address` counts
  core::address address;  ///< meaningless while `name` is set
  std::uint16_t port = 0;

  target() = default;
  target(core::endpoint where) : address{where.address}, port{where.port} {}
  target(std::string host, std::uint16_t where) : name{std::move(host)}, port{where} {}

  /// "example.org:443", "192.0.2.1:80", "[2001:db8::1]:80"; the name is checked by valid_host_name.
  static std::optional<target> parse(std::string_view text);
  /// A host without a port: a name, an address, or an address in brackets.
  static std::optional<target> parse_host(std::string_view host, std::uint16_t port);

  bool is_name() const noexcept { return !name.empty(); }
  core::endpoint endpoint() const noexcept { return {address, port}; }
  std::string host() const { return is_name() ? name : address.to_string(); }
  std::string to_string() const;
  friend bool operator==(const target&, const target&) = default;
};

/// 1 to 65535 in decimal without sign or leading zeros; nullopt otherwise. `allow_zero` for listeners ("any free port").
std::optional<std::uint16_t> parse_port(std::string_view text, bool allow_zero = false) noexcept;

}  // namespace omnilink::core

template <>
struct std::hash<omnilink::core::address> {
  std::size_t operator()(const omnilink::core::address& a) const noexcept;
};
template <>
struct std::hash<omnilink::core::endpoint> {
  std::size_t operator()(const omnilink::core::endpoint& e) const noexcept;
};
