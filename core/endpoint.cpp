#include "core/endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/host_name.hpp"

namespace omnilink::core {
namespace {

std::optional<address::bytes_v4> parse_v4(std::string_view text) noexcept {
  address::bytes_v4 out{};
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0) {
      if (text.empty() || text.front() != '.') return {};
      text.remove_prefix(1);
    }
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 3 || (digits > 1 && text.front() == '0')) return {};
    unsigned value = 0;
    std::from_chars(text.data(), text.data() + digits, value);
    if (value > 255) return {};
    out[i] = static_cast<std::uint8_t>(value);
    text.remove_prefix(digits);
  }
  if (!text.empty()) return {};
  return out;
}

// Groups are collected left of "::" from the front and right of it from the back.
std::optional<address::bytes_v6> parse_v6(std::string_view text) noexcept {
  std::array<std::uint16_t, 8> groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (count == 8) return {};
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    if (end == text.size() && group.find('.') != group.npos) {
      const auto tail = parse_v4(group);
      if (!tail || count > 6) return {};
      groups[count++] = static_cast<std::uint16_t>((*tail)[0] << 8 | (*tail)[1]);
      groups[count++] = static_cast<std::uint16_t>((*tail)[2] << 8 | (*tail)[3]);
      text = {};
      break;
    }
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (group.empty() || group.size() > 4 || error != std::errc{} || stop != group.data() + group.size()) return {};
    groups[count++] = static_cast<std::uint16_t>(value);
    text.remove_prefix(end);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.starts_with(':')) {
      if (gap) return {};
      gap = count;
      text.remove_prefix(1);
    } else if (text.empty()) {
      return {};  // a single trailing colon
    }
  }
  if (gap ? count > 7 : count != 8) return {};
  if (gap) std::rotate(groups.begin() + *gap, groups.begin() + count, groups.end());
  address::bytes_v6 out{};
  for (std::size_t i = 0; i < 8; ++i) {
    out[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    out[2 * i + 1] = static_cast<std::uint8_t>(groups[i]);
  }
  return out;
}

std::string format_v6(const address::bytes_v6& bytes) {
  std::array<std::uint16_t, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  std::size_t best = 8, best_length = 1;  // RFC 5952 4.2.2: a single zero group is not shortened
  for (std::size_t i = 0; i < 8;) {
    std::size_t j = i;
    while (j < 8 && groups[j] == 0) ++j;
    if (j - i > best_length) best = i, best_length = j - i;
    i = std::max(j, i + 1);
  }
  std::string out;
  for (std::size_t i = 0; i < 8;) {
    if (i == best) {
      out += "::";
      i += best_length;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char hex[4];
    const auto end = std::to_chars(hex, hex + 4, groups[i], 16).ptr;
    out.append(hex, end);
    ++i;
  }
  return out;
}

constexpr std::size_t v4_max = 15;
constexpr std::size_t port_max = 5;

// Behind the last character.
char* put_v4(char* out, const std::uint8_t* bytes) noexcept {
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *out++ = '.';
    const unsigned value = bytes[i];
    if (value >= 100) *out++ = static_cast<char>('0' + value / 100);
    if (value >= 10) *out++ = static_cast<char>('0' + value / 10 % 10);
    *out++ = static_cast<char>('0' + value % 10);
  }
  return out;
}

std::string format_v4(const std::uint8_t* bytes) {
  char out[v4_max];
  return {out, put_v4(out, bytes)};
}

// Splits "host:port" and "[v6]:port"; an IPv6 address outside brackets is refused, its port cannot be told from it.
std::optional<std::pair<std::string_view, std::string_view>> split_host_port(std::string_view text) noexcept {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return {};
  std::string_view host = text.substr(0, colon);
  if (host.find(':') != host.npos && !(host.starts_with('[') && host.ends_with(']'))) return {};
  return std::pair{host, text.substr(colon + 1)};
}

}  // namespace

address address::v4(bytes_v4 bytes) noexcept {
  address out;
  std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
  return out;
}

address address::v4(std::uint32_t host_order) noexcept {
  return v4(bytes_v4{static_cast<std::uint8_t>(host_order >> 24), static_cast<std::uint8_t>(host_order >> 16),
                     static_cast<std::uint8_t>(host_order >> 8), static_cast<std::uint8_t>(host_order)});
}

address address::v6(bytes_v6 bytes) noexcept {
  address out;
  out.bytes_ = bytes;
  out.is_v6_ = true;
  return out;
}

std::optional<address> address::parse(std::string_view text) noexcept {
  if (text.find(':') == text.npos) {
    if (const auto bytes = parse_v4(text)) return v4(*bytes);
    return {};
  }
  if (const auto bytes = parse_v6(text)) return v6(*bytes);
  return {};
}

address::bytes_v4 address::to_v4() const noexcept { return {bytes_[0], bytes_[1], bytes_[2], bytes_[3]}; }

bool address::is_v4_mapped() const noexcept {
  return is_v6_ && std::all_of(bytes_.begin(), bytes_.begin() + 10, [](auto b) { return b == 0; }) &&
         bytes_[10] == 0xff && bytes_[11] == 0xff;
}

address address::unmapped() const noexcept {
  if (!is_v4_mapped()) return *this;
  return v4(bytes_v4{bytes_[12], bytes_[13], bytes_[14], bytes_[15]});
}

bool address::is_loopback() const noexcept {
  const address plain = unmapped();
  if (plain.is_v4()) return plain.bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.begin() + 15, [](auto b) { return b == 0; }) && bytes_[15] == 1;
}

bool address::is_unspecified() const noexcept {
  const address plain = unmapped();
  return std::all_of(plain.bytes_.begin(), plain.bytes_.end(), [](auto b) { return b == 0; });
}

std::string address::to_string() const {
  if (!is_v6_) return format_v4(bytes_.data());
  if (is_v4_mapped()) return "::ffff:" + format_v4(bytes_.data() + 12);
  return format_v6(bytes_);
}

std::optional<std::uint16_t> parse_port(std::string_view text, bool allow_zero) noexcept {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return {};
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size() || value > 65535) return {};
  if (value == 0 && !allow_zero) return {};
  return static_cast<std::uint16_t>(value);
}

std::optional<endpoint> endpoint::parse(std::string_view text) noexcept {
  const auto parts = split_host_port(text);
  if (!parts) return {};
  std::string_view host = parts->first;
  if (host.starts_with('[')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == host.npos) return {};
  }
  const auto where = address::parse(host);
  const auto port = parse_port(parts->second, true);
  if (!where || !port) return {};
  return endpoint{*where, *port};
}

std::string endpoint::to_string() const { return std::string{endpoint_text{*this}.view()}; }

endpoint_text::endpoint_text(const endpoint& from) noexcept {
  char* out = text_.data();
  if (from.address.is_v4()) {
    out = put_v4(out, from.address.to_v4().data());
  } else {
    *out++ = '[';
    const std::string inner = from.address.to_string();
    out = std::copy(inner.begin(), inner.end(), out);
    *out++ = ']';
  }
  *out++ = ':';
  out = std::to_chars(out, out + port_max, from.port).ptr;
  size_ = static_cast<std::size_t>(out - text_.data());
}

std::optional<target> target::parse(std::string_view text) {
  const auto parts = split_host_port(text);
  if (!parts) return {};
  const auto port = parse_port(parts->second);
  if (!port) return {};
  return parse_host(parts->first, *port);
}

std::optional<target> target::parse_host(std::string_view host, std::uint16_t port) {
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == host.npos) return {};
  }
  if (const auto where = core::address::parse(host)) return target{core::endpoint{*where, port}};
  if (!valid_host_name(host)) return {};
  return target{std::string{host}, port};
}

std::string target::to_string() const {
  return is_name() ? name + ":" + std::to_string(port) : endpoint().to_string();
}

}  // namespace omnilink::core

std::size_t std::hash<omnilink::core::address>::operator()(const omnilink::core::address& a) const noexcept {
  const auto bytes = a.to_v6();
  std::uint64_t high, low;
  std::memcpy(&high, bytes.data(), 8);
  std::memcpy(&low, bytes.data() + 8, 8);
  // A multiply-xor mix: the low bits of addresses are alike, and the table uses the low bits of the hash.
  std::uint64_t h = (high ^ (low * 0x9e3779b97f4a7c15ull) ^ (a.is_v6() ? 0x5851f42d4c957f2dull : 0)) * 0xff51afd7ed558ccdull;
  return h ^ (h >> 32);
}

std::size_t std::hash<omnilink::core::endpoint>::operator()(const omnilink::core::endpoint& e) const noexcept {
  std::uint64_t h = (hash<omnilink::core::address>{}(e.address) ^ e.port) * 0x9e3779b97f4a7c15ull;
  return h ^ (h >> 29);
}
