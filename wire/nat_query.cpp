#include "wire/nat_query.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/host_name.hpp"
#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

constexpr std::size_t name_room = 256;  // a host name has at most 254 bytes, its final dot included
constexpr std::size_t chain_room = nat_chain_name_max + 1;
constexpr std::size_t process_room = nat_process_max + 1;
constexpr std::size_t path_room = nat_path_max + 1;
constexpr std::size_t token_offset = 8;

/// 0 in `family` means: none, and then the address is zero.
void put_endpoint(byte_writer& to, const core::endpoint& where, bool present) noexcept {
  to.u8(!present ? 0 : where.address.is_v4() ? 4 : 6);
  to.u8(0);
  to.u16(where.port);
  to.put(bytes{present ? where.address.to_v6() : core::address::bytes_v6{}});
}

// Which bytes are legal is not judged here: see `accepts only what the encoders produce`.
struct wire_endpoint {
  core::endpoint where;
  bool present = false;
};

wire_endpoint take_endpoint(byte_reader& from) noexcept {
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

bool is_chain_name(std::string_view text) noexcept {
  return text.size() <= nat_chain_name_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void put_padded(byte_writer& to, std::string_view text, std::size_t room) noexcept {
  to.put(text);
  to.zeros(room - text.size());
}

std::string_view take_padded(byte_reader& from, std::size_t length, std::size_t room) noexcept {
  return as_text(from.take(room)).substr(0, length);
}

// A text that ends with its first zero; one that does not fit is left out.
void put_text(byte_writer& to, std::string_view text, std::size_t room) noexcept {
  const bool clean = std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  put_padded(to, clean && text.size() < room ? text : std::string_view{}, room);
}

std::string_view take_text(byte_reader& from, std::size_t room) noexcept {
  const std::string_view all = as_text(from.take(room));
  return all.substr(0, all.find('\0'));
}

// Version and size stand in front of every message of every version.
std::optional<nat_error> check_frame(bytes message, std::size_t size) noexcept {
  byte_reader from{message};
  const std::uint16_t version = from.u16();
  const std::uint16_t said = from.u16();
  if (from.failed()) return nat_error::bad_size;
  if (version != nat_query_version) return nat_error::bad_version;
  if (message.size() != size || said != size) return nat_error::bad_size;
  return {};
}

bool is_legal(const nat_question& q) noexcept {
  using kind = nat_question::kind;
  if (q.protocol != core::protocol::tcp && q.protocol != core::protocol::udp) return false;
  switch (q.what) {
    case kind::source:
    case kind::flow:
    case kind::source_port:
      return q.source.port != 0;
    case kind::descriptor:
      return true;
  }
  return false;
}

bool is_flow(const nat_answer& a) noexcept {
  return a.what == nat_answer::status::live || a.what == nat_answer::status::closed;
}

bool is_legal(const nat_answer& a) noexcept {
  using status = nat_answer::status;
  switch (a.what) {
    case status::live:
    case status::closed:
      return a.matches == 1;
    case status::ambiguous:
      return a.matches >= 2;
    case status::miss:
      return true;
    case status::error:
      return a.error >= nat_error::bad_version && a.error <= nat_error::internal;
  }
  return false;
}

// The fields in the order of the wire; `flow` false leaves them zero.
void put_flow(byte_writer& to, const nat_answer& a, bool flow) noexcept {
  static const nat_answer nothing;
  const nat_answer& f = flow ? a : nothing;
  const bool named = core::valid_host_name(f.original.name);
  const std::string_view name = named ? std::string_view{f.original.name} : std::string_view{};
  const std::string_view chain = is_chain_name(f.chain) ? std::string_view{f.chain} : std::string_view{};
  to.u64(f.connection);
  to.u64(f.generation);
  to.u64(f.age_ms);
  to.u64(f.what == nat_answer::status::closed ? f.closed_ms : 0);
  to.u32(f.uid);
  to.u32(flow || a.what == nat_answer::status::ambiguous ? a.matches : 0);
  put_endpoint(to, f.source, flow);
  put_endpoint(to, f.local, flow);
  put_endpoint(to, f.dialled, flow);
  put_endpoint(to, f.original.endpoint(), flow && !named);
  to.u8(static_cast<std::uint8_t>(name.size()));
  to.u8(static_cast<std::uint8_t>(chain.size()));
  to.zeros(2);
  to.u32(f.pid);
  put_padded(to, name, name_room);
  put_padded(to, chain, chain_room);
  to.u32(f.gid);
  to.zeros(4);
  put_text(to, f.process, process_room);
  put_text(to, f.exe, path_room);
  put_text(to, f.cgroup, path_room);
}

}  // namespace

std::array<std::uint8_t, nat_question_size> encode(const nat_question& q) noexcept {
  using kind = nat_question::kind;
  std::array<std::uint8_t, nat_question_size> out{};
  byte_writer to{out};
  to.u16(nat_query_version);
  to.u16(nat_question_size);
  to.u8(static_cast<std::uint8_t>(q.what));
  to.u8(static_cast<std::uint8_t>(q.protocol));
  to.u16(0);
  to.u64(q.token);
  const core::endpoint none;
  const bool by_flow = q.what == kind::flow;
  to.u64(by_flow ? q.netns : 0);
  put_endpoint(to, q.what == kind::descriptor ? none : q.source, by_flow || q.what == kind::source);
  put_endpoint(to, by_flow ? q.local : none, by_flow);
  return out;
}

std::array<std::uint8_t, nat_answer_size> encode(const nat_answer& a) noexcept {
  std::array<std::uint8_t, nat_answer_size> out{};
  byte_writer to{out};
  to.u16(nat_query_version);
  to.u16(nat_answer_size);
  to.u8(static_cast<std::uint8_t>(a.what));
  to.u8(a.what == nat_answer::status::error ? static_cast<std::uint8_t>(a.error) : 0);
  to.u16(0);
  to.u64(a.token);
  put_flow(to, a, is_flow(a));
  return out;
}

boost::system::result<nat_question, nat_error> decode_nat_question(bytes message) {
  if (const auto wrong = check_frame(message, nat_question_size)) return *wrong;
  byte_reader from{message.subspan(4)};
  nat_question q;
  q.what = static_cast<nat_question::kind>(from.u8());
  q.protocol = static_cast<core::protocol>(from.u8());
  from.u16();
  q.token = from.u64();
  q.netns = from.u64();
  q.source = take_endpoint(from).where;
  q.local = take_endpoint(from).where;
  // Whatever else is wrong (a wrong family, a byte that must be zero) shows in this: it is not what we would
  // have sent.
  const auto again = encode(q);
  if (!is_legal(q) || !std::equal(again.begin(), again.end(), message.begin())) return nat_error::bad_message;
  return q;
}

boost::system::result<nat_answer, nat_error> decode_nat_answer(bytes message) {
  if (const auto wrong = check_frame(message, nat_answer_size)) return *wrong;
  byte_reader from{message.subspan(4)};
  nat_answer a;
  a.what = static_cast<nat_answer::status>(from.u8());
  a.error = static_cast<nat_error>(from.u8());
  from.u16();
  a.token = from.u64();
  a.connection = from.u64();
  a.generation = from.u64();
  a.age_ms = from.u64();
  a.closed_ms = from.u64();
  a.uid = from.u32();
  a.matches = from.u32();
  a.source = take_endpoint(from).where;
  a.local = take_endpoint(from).where;
  a.dialled = take_endpoint(from).where;
  a.original = core::target{take_endpoint(from).where};
  const std::size_t name_length = from.u8();
  const std::size_t chain_length = from.u8();
  from.take(2);
  a.pid = from.u32();
  a.original.name = take_padded(from, name_length, name_room);
  a.chain = take_padded(from, chain_length, chain_room);
  a.gid = from.u32();
  from.take(4);
  a.process = take_text(from, process_room);
  a.exe = take_text(from, path_room);
  a.cgroup = take_text(from, path_room);
  const auto again = encode(a);
  if (!is_legal(a) || !std::equal(again.begin(), again.end(), message.begin())) return nat_error::bad_message;
  return a;
}

std::uint64_t nat_token_of(bytes message) noexcept {
  if (message.size() < token_offset) return 0;
  return byte_reader{message.subspan(token_offset)}.u64();
}

}  // namespace omnilink::wire
