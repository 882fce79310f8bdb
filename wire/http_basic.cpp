#include "wire/http_basic.hpp"

#include <algorithm>
#include <cstdint>

#include "core/control.hpp"
#include "wire/http_head.hpp"

namespace omnilink::wire {
namespace {

constexpr std::string_view scheme = "Basic";
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t login_max = 2 * credential_max + 1;  // user:password

void put_base64(byte_writer& to, bytes data) noexcept {
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const bytes group = data.subspan(i, std::min<std::size_t>(3, data.size() - i));
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < group.size() ? group[j] : 0u);
    for (std::size_t j = 0; j < 4; ++j) {
      to.u8(static_cast<std::uint8_t>(j <= group.size() ? alphabet[bits >> (18 - 6 * j) & 63] : '='));
    }
  }
}

// False: not base64 as RFC 4648 section 4 has it, padding and all.
bool read_base64(std::string_view text, byte_writer& to) noexcept {
  if (text.empty() || text.size() % 4 != 0) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const std::size_t value = j < digits ? alphabet.find(text[i + j]) : 0;
      if (value == alphabet.npos) return false;
      bits = bits << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t j = 0; j + 1 < digits; ++j) to.u8(static_cast<std::uint8_t>(bits >> (16 - 8 * j)));
  }
  return !to.failed();
}

}  // namespace

bool fits_basic(const credentials& login) noexcept {
  const auto printable = [](std::string_view text) { return std::none_of(text.begin(), text.end(), core::is_control); };
  return login.user.size() <= credential_max && login.password.size() <= credential_max &&
         login.user.find(':') == std::string::npos && printable(login.user) && printable(login.password.reveal());
}

void put_basic(byte_writer& to, const credentials& login) noexcept {
  secret_buffer<login_max> spelled;
  byte_writer plain{spelled.data};
  plain.put(login.user);
  plain.put(":");
  plain.put(login.password.reveal());
  to.put(scheme);
  to.put(" ");
  put_base64(to, plain.written());
}

std::optional<credentials> parse_basic(std::string_view value) {
  const std::size_t space = value.find(' ');
  if (space == value.npos || !same_word(value.substr(0, space), scheme)) return {};
  secret_buffer<login_max> spelled;
  byte_writer plain{spelled.data};
  if (!read_base64(without_space(value.substr(space)), plain)) return {};
  const std::string_view text = as_text(plain.written());
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return {};
  credentials out{std::string{text.substr(0, colon)}, core::secret{text.substr(colon + 1)}};
  if (!fits_basic(out)) return {};
  return out;
}

}  // namespace omnilink::wire
