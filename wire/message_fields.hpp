// What the fixed-size messages of several protocols have in common: endpoints, and text padded with zeros. Taking is lenient: whoever
// decodes encodes again what it took, and accepts only the same bytes.
#pragma once

#include <algorithm>
#include <string_view>

#include "core/control.hpp"
#include "core/endpoint.hpp"
#include "wire/byte_codec.hpp"

namespace omnilink::wire {

/// 20 bytes: family u8 (0 none, 4, 6), zero u8, port u16, address 16 (IPv4: the first four). Without an address the port counts.
inline void put_endpoint(byte_writer& to, const core::endpoint& where, bool present) noexcept {
  to.u8(!present ? 0 : where.address.is_v4() ? 4 : 6);
  to.u8(0);
  to.u16(where.port);
  to.put(bytes{present ? where.address.to_v6() : core::address::bytes_v6{}});
}

struct wire_endpoint {
  core::endpoint where;
  bool present = false;
};

inline wire_endpoint take_endpoint(byte_reader& from) noexcept {
  wire_endpoint out;
  const std::uint8_t family = from.u8();
  from.u8();
  out.where.port = from.u16();
  core::address::bytes_v6 address{};
  const bytes raw = from.take(address.size());
  std::copy(raw.begin(), raw.end(), address.begin());
  out.present = family != 0;
  if (family == 6) out.where.address = core::address::v6(address);
  if (family == 4) out.where.address = core::address::v4({address[0], address[1], address[2], address[3]});
  return out;
}

inline void put_padded(byte_writer& to, std::string_view text, std::size_t room) noexcept {
  to.put(text);
  to.zeros(room - text.size());
}

/// A text that ends with its first zero; one that does not fit, or has control bytes, is left out.
inline void put_text(byte_writer& to, std::string_view text, std::size_t room) noexcept {
  const bool clean = std::ranges::none_of(text, core::is_control);
  put_padded(to, clean && text.size() < room ? text : std::string_view{}, room);
}

inline std::string_view take_text(byte_reader& from, std::size_t room) noexcept {
  const std::string_view all = as_text(from.take(room));
  return all.substr(0, all.find('\0'));
}

}  // namespace omnilink::wire
