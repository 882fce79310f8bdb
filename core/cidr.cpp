#include "core/cidr.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/nearest_word.hpp"

namespace omnilink::core {
namespace {

constexpr unsigned mapped_bits = 96;

unsigned bits_of(const address& a) noexcept { return a.is_v4() ? 32 : 128; }

address masked(const address& a, unsigned prefix) noexcept {
  auto clear_behind = [prefix](auto bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const unsigned kept = std::clamp<int>(static_cast<int>(prefix) - static_cast<int>(8 * i), 0, 8);
      bytes[i] &= static_cast<std::uint8_t>(0xff00u >> kept);
    }
    return bytes;
  };
  return a.is_v4() ? address::v4(clear_behind(a.to_v4())) : address::v6(clear_behind(a.to_v6()));
}

struct parts {
  address where;
  unsigned prefix;
};

std::optional<parts> read_parts(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const auto where = address::parse(text.substr(0, slash));
  if (!where) return std::nullopt;
  parts out{*where, bits_of(*where)};
  if (slash == text.npos) return out;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), out.prefix);
  if (wrong != std::errc{} || end != digits.data() + digits.size() || out.prefix > bits_of(*where)) return std::nullopt;
  return out;
}

}  // namespace

std::optional<cidr> cidr::make(const core::address& network, unsigned prefix) noexcept {
  if (network.is_v4_mapped() && prefix >= mapped_bits) return make(network.unmapped(), prefix - mapped_bits);
  if (prefix > bits_of(network) || masked(network, prefix) != network) return std::nullopt;
  return cidr{network, static_cast<std::uint8_t>(prefix)};
}

bool cidr::contains(const core::address& which) const noexcept {
  const core::address plain = which.unmapped();
  return plain.is_v4() == network.is_v4() && masked(plain, prefix) == network;
}

std::string cidr::to_string() const { return network.to_string() + "/" + std::to_string(prefix); }

std::optional<cidr> cidr::parse(std::string_view text) noexcept {
  const auto read = read_parts(text);
  if (!read) return std::nullopt;
  return make(read->where, read->prefix);
}

std::string describe_bad_cidr(std::string_view text) {
  const auto read = read_parts(text);
  if (!read) return quoted(text) + " is not a network such as 10.0.0.0/8 or 2001:db8::/32";
  const cidr meant{masked(read->where, read->prefix), static_cast<std::uint8_t>(read->prefix)};
  return quoted(text) + " has bits behind its prefix; is " + meant.to_string() + " meant?";
}

}  // namespace omnilink::core
