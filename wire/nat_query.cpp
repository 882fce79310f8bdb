#include "wire/nat_query.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/host_name.hpp"
#include "wire/message_fields.hpp"

namespace omnilink::wire {
namespace {

constexpr std::size_t name_room = 256;  // a host name has at most 254 bytes, its final dot included
constexpr std::size_t chain_room = nat_chain_name_max + 1;
constexpr std::size_t process_room = nat_process_max + 1;
constexpr std::size_t path_room = nat_path_max + 1;
constexpr std::size_t token_offset = 8, matches_offset = 52;
constexpr std::uint8_t announcement = 12;  // where an answer has its status

bool is_chain_name(std::string_view text) noexcept {
  return text.size() <= nat_chain_name_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string_view take_padded(byte_reader& from, std::size_t length, std::size_t room) noexcept {
  return as_text(from.take(room)).substr(0, length);
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
    case kind::erase:
      return q.source.port != 0;
    case kind::descriptor:
    case kind::stats:
    case kind::subscribe:
      return true;
  }
  return false;
}

bool is_legal(const nat_flow& f) noexcept {
  const bool known_protocol = f.protocol == core::protocol::tcp || f.protocol == core::protocol::udp;
  return known_protocol && (f.carrier == nat_carrier::omnilink || f.carrier == nat_carrier::other);
}

bool is_legal(const nat_answer& a) noexcept {
  using status = nat_answer::status;
  switch (a.what) {
    case status::live:
    case status::closed:
    case status::opened:
    case status::ended:
      return a.matches == 1 && is_legal(static_cast<const nat_flow&>(a));
    case status::ambiguous:
      return a.matches >= 2;
    case status::erased:
    case status::lost:
      return a.matches >= 1;
    case status::miss:
    case status::stats:
    case status::subscribed:
      return true;
    case status::error:
      return a.error >= nat_error::bad_version && a.error <= nat_error::full;
  }
  return false;
}

bool has_matches(const nat_answer& a) noexcept {
  using status = nat_answer::status;
  return a.is_flow() || a.what == status::ambiguous || a.what == status::erased || a.what == status::lost;
}

// Of a flow, what depends on who says it.
struct circumstances {
  std::uint64_t connection = 0, generation = 0, age_ms = 0, closed_ms = 0, remaining_ms = 0;
};

circumstances circumstances_of(const nat_answer& a) noexcept {
  using status = nat_answer::status;
  const bool stays = a.carrier == nat_carrier::omnilink && (a.what == status::live || a.what == status::opened);
  return {a.connection, a.generation, a.age_ms, a.what == status::closed ? a.closed_ms : 0, stays ? 0 : a.remaining_ms};
}

// What stands at 16 and behind.
void put_flow(byte_writer& to, const nat_flow& f, const circumstances& now) noexcept {
  const bool named = core::valid_host_name(f.original.name);
  const std::string_view name = named ? std::string_view{f.original.name} : std::string_view{};
  const std::string_view chain = is_chain_name(f.chain) ? std::string_view{f.chain} : std::string_view{};
  to.u64(now.connection);
  to.u64(now.generation);
  to.u64(now.age_ms);
  to.u64(now.closed_ms);
  to.u32(f.uid);
  to.u32(0);  // an answer's `matches`
  put_endpoint(to, f.source, true);
  put_endpoint(to, f.local, true);
  put_endpoint(to, f.dialled, true);
  put_endpoint(to, f.original.endpoint(), !named);
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
  to.u64(now.remaining_ms);
  to.u64(f.netns);
  to.u64(f.cookie);
  put_text(to, f.rule, path_room);
}

void take_flow(byte_reader& from, nat_flow& f) {
  f.connection = from.u64();
  f.generation = from.u64();
  f.age_ms = from.u64();
  f.closed_ms = from.u64();
  f.uid = from.u32();
  from.take(4);
  f.source = take_endpoint(from).where;
  f.local = take_endpoint(from).where;
  f.dialled = take_endpoint(from).where;
  f.original = core::target{take_endpoint(from).where};
  const std::size_t name_length = from.u8();
  const std::size_t chain_length = from.u8();
  from.take(2);
  f.pid = from.u32();
  f.original.name = take_padded(from, name_length, name_room);
  f.chain = take_padded(from, chain_length, chain_room);
  f.gid = from.u32();
  from.take(4);
  f.process = take_text(from, process_room);
  f.exe = take_text(from, path_room);
  f.cgroup = take_text(from, path_room);
  f.remaining_ms = from.u64();
  f.netns = from.u64();
  f.cookie = from.u64();
  f.rule = take_text(from, path_room);
}

void put_head(byte_writer& to, std::uint8_t status, std::uint8_t error, std::uint8_t carrier, std::uint8_t protocol, std::uint64_t token) noexcept {
  to.u16(nat_query_version);
  to.u16(nat_answer_size);
  to.u8(status);
  to.u8(error);
  to.u8(carrier);
  to.u8(protocol);
  to.u64(token);
}

constexpr std::uint64_t nat_counters::*all_counters[] = {
    &nat_counters::live,    &nat_counters::announced, &nat_counters::closed,   &nat_counters::capacity, &nat_counters::inserted,
    &nat_counters::expired, &nat_counters::refused,   &nat_counters::replaced, &nat_counters::erased};

}  // namespace

bool nat_answer::is_flow() const noexcept {
  return what == status::live || what == status::closed || what == status::opened || what == status::ended;
}

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
  const bool erases = q.what == kind::erase, by_flow = q.what == kind::flow || (erases && q.local.port != 0);
  const bool by_source = by_flow || erases || q.what == kind::source;
  to.u64(by_flow ? q.netns : 0);
  put_endpoint(to, by_source || q.what == kind::source_port ? q.source : none, by_source);
  put_endpoint(to, by_flow ? q.local : none, by_flow);
  to.u64(erases ? q.generation : 0);
  return out;
}

std::array<std::uint8_t, nat_answer_size> encode(const nat_answer& a) noexcept {
  using status = nat_answer::status;
  std::array<std::uint8_t, nat_answer_size> out{};
  byte_writer to{out};
  const bool flow = a.is_flow();
  put_head(to, static_cast<std::uint8_t>(a.what), a.what == status::error ? static_cast<std::uint8_t>(a.error) : 0,
           flow ? static_cast<std::uint8_t>(a.carrier) : 0, flow ? static_cast<std::uint8_t>(a.protocol) : 0, a.token);
  if (flow) put_flow(to, a, circumstances_of(a));
  if (a.what == status::stats)
    for (const auto one : all_counters) to.u64(a.counters.*one);
  byte_writer matches{std::span<std::uint8_t>{out}.subspan(matches_offset)};
  if (has_matches(a)) matches.u32(a.matches);
  return out;
}

std::array<std::uint8_t, nat_answer_size> encode(const nat_announcement& a) noexcept {
  std::array<std::uint8_t, nat_answer_size> out{};
  byte_writer to{out};
  put_head(to, announcement, 0, static_cast<std::uint8_t>(nat_carrier::other), static_cast<std::uint8_t>(a.protocol), a.token);
  put_flow(to, a, {});
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
  q.generation = from.u64();
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
  const auto carrier = static_cast<nat_carrier>(from.u8());
  const auto protocol = static_cast<core::protocol>(from.u8());
  a.token = from.u64();
  if (a.is_flow()) {
    a.carrier = carrier;
    a.protocol = protocol;
    take_flow(from, a);
  } else if (a.what == nat_answer::status::stats) {
    for (const auto one : all_counters) a.counters.*one = from.u64();
  }
  if (has_matches(a)) a.matches = byte_reader{message.subspan(matches_offset)}.u32();
  const auto again = encode(a);
  if (!is_legal(a) || !std::equal(again.begin(), again.end(), message.begin())) return nat_error::bad_message;
  return a;
}

boost::system::result<nat_announcement, nat_error> decode_nat_announcement(bytes message) {
  if (const auto wrong = check_frame(message, nat_answer_size)) return *wrong;
  byte_reader from{message.subspan(6)};
  nat_announcement a;
  a.carrier = static_cast<nat_carrier>(from.u8());
  a.protocol = static_cast<core::protocol>(from.u8());
  a.token = from.u64();
  take_flow(from, a);
  const auto again = encode(a);
  const bool whole = a.source.port != 0 && a.local.port != 0 && a.original.port != 0;
  if (!whole || !is_legal(a) || !std::equal(again.begin(), again.end(), message.begin())) return nat_error::bad_message;
  return a;
}

std::uint64_t nat_token_of(bytes message) noexcept {
  if (message.size() < token_offset) return 0;
  return byte_reader{message.subspan(token_offset)}.u64();
}

}  // namespace omnilink::wire
