#include "wire/callout_messages.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include "core/host_name.hpp"
#include "wire/message_fields.hpp"

namespace omnilink::wire {
namespace {

constexpr std::uint32_t magic = 0x6f6c636f;  // "olco"
constexpr std::uint8_t version = 1;
enum class kind : std::uint8_t { offer = 1, question = 2, answer = 3, verdict = 4 };
constexpr std::size_t head_size = 8;

constexpr std::size_t name_room = callout_name_max + 1;
constexpr std::size_t process_room = 16;
constexpr std::size_t text_room = 256;
constexpr std::size_t line_room = callout_text_max + 1;
constexpr std::uint32_t unknown_id = 0xffffffff;
constexpr std::uint16_t no_hop = 0xffff;

void put_head(byte_writer& to, kind what) noexcept {
  to.u32(magic);
  to.u8(version);
  to.u8(static_cast<std::uint8_t>(what));
  to.u16(0);
}

// What stands behind the head; empty: it is of another kind.
byte_reader body(bytes packet, std::size_t size, kind what) noexcept {
  byte_reader head{packet};
  const bool is_it = packet.size() == size && head.u32() == magic && head.u8() == version && head.u8() == static_cast<std::uint8_t>(what);
  return byte_reader{is_it ? packet.subspan(head_size) : bytes{}};
}

// Whatever else is wrong (a byte that must be zero, a text that is none) shows in this: it is not what we would have sent.
template <class Message>
std::optional<Message> if_same(Message&& message, bytes packet) {
  if (!std::ranges::equal(encode(message), packet)) return std::nullopt;
  return std::move(message);
}

// The name stands elsewhere.
void put_target(byte_writer& to, const core::target& where) noexcept { put_endpoint(to, where.endpoint(), !where.is_name() && where.port != 0); }

std::string_view name_of(const core::target& where) noexcept {
  return where.port != 0 && core::valid_host_name(where.name) ? std::string_view{where.name} : std::string_view{};
}

// A destination that is known has a host and a port.
bool is_legal(const core::target& where, bool has_address) noexcept {
  return where.port == 0 ? !has_address && where.name.empty() : has_address != where.is_name();
}

bool is_legal(const callout_answer& a) noexcept {
  using enum callout_answer::what;
  if (a.action > chain) return false;
  const bool goes_elsewhere = a.address || !a.name.empty() || a.port != 0;
  return goes_elsewhere == (a.action == redirect) && !(a.address && !a.name.empty()) && a.chain.empty() == (a.action != chain);
}

}  // namespace

std::array<std::uint8_t, callout_offer_size> encode(const callout_offer& offer) noexcept {
  std::array<std::uint8_t, callout_offer_size> packet{};
  byte_writer to{packet};
  const std::size_t count = std::min(offer.names.size(), callouts_max);
  put_head(to, kind::offer);
  to.u8(offer.wants_verdicts);
  to.u8(static_cast<std::uint8_t>(count));
  to.zeros(6);
  for (std::size_t i = 0; i < count; ++i) put_text(to, offer.names[i], name_room);
  return packet;
}

std::array<std::uint8_t, callout_question_size> encode(const callout_question& q) noexcept {
  std::array<std::uint8_t, callout_question_size> packet{};
  byte_writer to{packet};
  put_head(to, kind::question);
  to.u64(q.token);
  to.u64(q.connection);
  to.u8(static_cast<std::uint8_t>(q.at));
  to.zeros(3);
  to.u32(q.limit_ms);
  put_endpoint(to, q.source, true);
  put_endpoint(to, q.local, true);
  put_target(to, q.destination);
  to.u32(q.program.pid.value_or(0));
  to.u32(q.program.uid.value_or(unknown_id));
  to.u32(q.program.gid.value_or(unknown_id));
  put_text(to, q.callout, name_room);
  put_text(to, q.filter, text_room);
  put_text(to, name_of(q.destination), text_room);
  put_text(to, q.listener, text_room);
  put_text(to, q.program.process, process_room);
  put_text(to, q.program.exe, text_room);
  put_text(to, q.program.cgroup, text_room);
  return packet;
}

std::array<std::uint8_t, callout_answer_size> encode(const callout_answer& a) noexcept {
  std::array<std::uint8_t, callout_answer_size> packet{};
  byte_writer to{packet};
  put_head(to, kind::answer);
  to.u64(a.token);
  to.u8(static_cast<std::uint8_t>(a.action));
  to.zeros(7);
  put_endpoint(to, {a.address.value_or(core::address{}), a.port}, a.address.has_value());
  to.zeros(4);
  put_text(to, core::valid_host_name(a.name) ? std::string_view{a.name} : std::string_view{}, text_room);
  put_text(to, a.chain, name_room);
  return packet;
}

std::array<std::uint8_t, callout_verdict_size> encode(const callout_verdict& v) noexcept {
  std::array<std::uint8_t, callout_verdict_size> packet{};
  byte_writer to{packet};
  put_head(to, kind::verdict);
  to.u64(v.connection);
  to.u64(v.up);
  to.u64(v.down);
  to.u64(v.duration_ms);
  to.u8(static_cast<std::uint8_t>(v.code));
  to.u8(static_cast<std::uint8_t>(v.step));
  to.u16(v.hop < 0 || v.hop >= no_hop ? no_hop : static_cast<std::uint16_t>(v.hop));
  to.u32(v.system_errno);
  to.u16(v.reply);
  to.zeros(2);
  to.u32(v.lost);
  put_endpoint(to, v.source, true);
  put_target(to, v.original);
  put_text(to, name_of(v.original), text_room);
  put_text(to, v.chain, name_room);
  put_text(to, v.rule, text_room);
  put_text(to, v.hop_name, text_room);
  put_text(to, std::string_view{v.text}.substr(0, callout_text_max), line_room);
  return packet;
}

std::optional<callout_offer> decode_callout_offer(bytes packet) {
  byte_reader from = body(packet, callout_offer_size, kind::offer);
  callout_offer out;
  out.wants_verdicts = from.u8() != 0;
  const std::size_t count = from.u8();
  from.take(6);
  if (from.failed() || count > callouts_max) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = take_text(from, name_room);
    if (name.empty() || std::ranges::find(out.names, name) != out.names.end()) return std::nullopt;
    out.names.emplace_back(name);
  }
  return if_same(std::move(out), packet);
}

std::optional<callout_question> decode_callout_question(bytes packet) {
  byte_reader from = body(packet, callout_question_size, kind::question);
  callout_question out;
  out.token = from.u64();
  out.connection = from.u64();
  out.at = static_cast<callout_question::layer>(from.u8());
  from.take(3);
  out.limit_ms = from.u32();
  out.source = take_endpoint(from).where;
  out.local = take_endpoint(from).where;
  const wire_endpoint destination = take_endpoint(from);
  out.destination = core::target{destination.where};
  if (const std::uint32_t pid = from.u32(); pid != 0) out.program.pid = pid;
  if (const std::uint32_t uid = from.u32(); uid != unknown_id) out.program.uid = uid;
  if (const std::uint32_t gid = from.u32(); gid != unknown_id) out.program.gid = gid;
  out.callout = take_text(from, name_room);
  out.filter = take_text(from, text_room);
  out.destination.name = take_text(from, text_room);
  out.listener = take_text(from, text_room);
  out.program.process = take_text(from, process_room);
  out.program.exe = take_text(from, text_room);
  out.program.cgroup = take_text(from, text_room);
  using enum callout_question::layer;
  const bool known_layer = out.at == accept || out.at == connect_redirect || out.at == connect_auth;
  if (from.failed() || !known_layer || out.callout.empty() || !is_legal(out.destination, destination.present)) return std::nullopt;
  return if_same(std::move(out), packet);
}

std::optional<callout_answer> decode_callout_answer(bytes packet) {
  byte_reader from = body(packet, callout_answer_size, kind::answer);
  callout_answer out;
  out.token = from.u64();
  out.action = static_cast<callout_answer::what>(from.u8());
  from.take(7);
  const wire_endpoint to = take_endpoint(from);
  if (to.present) out.address = to.where.address;
  out.port = to.where.port;
  from.take(4);
  out.name = take_text(from, text_room);
  out.chain = take_text(from, name_room);
  if (from.failed() || !is_legal(out)) return std::nullopt;
  return if_same(std::move(out), packet);
}

std::optional<callout_verdict> decode_callout_verdict(bytes packet) {
  byte_reader from = body(packet, callout_verdict_size, kind::verdict);
  callout_verdict out;
  out.connection = from.u64();
  out.up = from.u64();
  out.down = from.u64();
  out.duration_ms = from.u64();
  out.code = static_cast<core::errc>(from.u8());
  out.step = static_cast<core::step>(from.u8());
  if (const std::uint16_t hop = from.u16(); hop != no_hop) out.hop = hop;
  out.system_errno = from.u32();
  out.reply = from.u16();
  from.take(2);
  out.lost = from.u32();
  out.source = take_endpoint(from).where;
  const wire_endpoint original = take_endpoint(from);
  out.original = core::target{original.where};
  out.original.name = take_text(from, text_room);
  out.chain = take_text(from, name_room);
  out.rule = take_text(from, text_room);
  out.hop_name = take_text(from, text_room);
  out.text = take_text(from, line_room);
  const bool known = out.code <= core::errc::internal && out.step <= core::step::relay;
  if (from.failed() || !known || !is_legal(out.original, original.present)) return std::nullopt;
  return if_same(std::move(out), packet);
}

std::uint64_t callout_token_of(bytes packet) noexcept { return body(packet, callout_answer_size, kind::answer).u64(); }

}  // namespace omnilink::wire
