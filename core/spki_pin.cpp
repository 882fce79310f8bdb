#include "core/spki_pin.hpp"

namespace omnilink::core {
namespace {

constexpr std::string_view prefix = "sha256/";
constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// Six bits each; the last of them holds four, then '=' fills up.
constexpr std::size_t digit_count = 43;

}  // namespace

std::optional<spki_pin> spki_pin::parse(std::string_view text) noexcept {
  if (!text.starts_with(prefix)) return {};
  text.remove_prefix(prefix.size());
  if (text.size() != digit_count + 1 || text.back() != '=') return {};
  spki_pin out;
  std::size_t at = 0;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text.substr(0, digit_count)) {
    const std::size_t value = digits.find(c);
    if (value == digits.npos) return {};
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.digest[at++] = static_cast<std::uint8_t>(bits >> held);
  }
  // Two bits are left; a digest has one spelling only.
  if ((bits & ((1u << held) - 1)) != 0) return {};
  return out;
}

std::string spki_pin::to_string() const {
  std::string out{prefix};
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const std::uint8_t byte : digest) {
    bits = bits << 8 | byte;
    held += 8;
    for (; held >= 6; held -= 6) out += digits[bits >> (held - 6) & 63];
  }
  out += digits[bits << (6 - held) & 63];
  return out + '=';
}

}  // namespace omnilink::core
