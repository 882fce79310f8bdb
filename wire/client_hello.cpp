#include "wire/client_hello.hpp"

#include <algorithm>
#include <vector>

#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

constexpr std::size_t record_header = 5, message_header = 4;
constexpr std::size_t fragment_max = 1 << 14;  // RFC 8446 section 5.1
constexpr std::uint8_t client_hello = 1;
constexpr std::uint16_t server_name = 0;
constexpr std::uint8_t host_name = 0;

const first_name incomplete{first_name::state::incomplete, {}};

// The length of all that follows.
bool take_total(byte_reader& in) noexcept {
  const std::size_t total = in.u16();
  return total == in.left();
}

// The list has one entry in practice, and no second one of its kind by the RFC.
first_name name_of(bytes extension) {
  byte_reader in{extension};
  const bool is_whole = take_total(in);
  const bool is_host = in.u8() == host_name;
  const bytes name = in.take(in.u16());
  if (in.failed() || in.left() != 0 || !is_whole || !is_host) return {};
  return checked_name(as_text(name));
}

first_name read_body(bytes body) {
  byte_reader in{body};
  const bool is_known = in.u16() >> 8 == 3;
  in.take(32);        // random
  in.take(in.u8());   // session
  in.take(in.u16());  // ciphers
  in.take(in.u8());   // compression
  const bool is_whole = take_total(in);
  if (in.failed() || !is_whole || !is_known) return {};
  first_name out;
  bool has_name = false;
  while (in.left() > 0) {
    const std::uint16_t kind = in.u16();
    const bytes data = in.take(in.u16());
    if (in.failed() || (kind == server_name && has_name)) return {};
    if (kind != server_name) continue;
    has_name = true;
    out = name_of(data);
  }
  return out;
}

}  // namespace

first_name client_hello_name(bytes begin) {
  std::vector<std::uint8_t> message;  // which may be spread over several records
  while (true) {
    constexpr std::uint8_t known[] = {tls_handshake_record, 3};
    const std::size_t seen = std::min(begin.size(), std::size(known));
    if (!std::equal(begin.begin(), begin.begin() + static_cast<std::ptrdiff_t>(seen), known)) return {};
    if (begin.size() < record_header) return incomplete;
    const std::size_t size = std::size_t{begin[3]} << 8 | begin[4];
    if (size == 0 || size > fragment_max) return {};
    begin = begin.subspan(record_header);
    const bytes fragment = begin.first(std::min(size, begin.size()));
    message.insert(message.end(), fragment.begin(), fragment.end());
    begin = begin.subspan(fragment.size());
    if (!message.empty() && message[0] != client_hello) return {};
    if (message.size() >= message_header) {
      const std::size_t body = std::size_t{message[1]} << 16 | std::size_t{message[2]} << 8 | message[3];
      if (body > first_bytes_max) return {};
      if (message.size() - message_header >= body) return read_body(bytes{message}.subspan(message_header, body));
    }
    if (fragment.size() < size) return incomplete;
  }
}

}  // namespace omnilink::wire
