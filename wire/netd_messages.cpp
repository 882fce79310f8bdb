#include "wire/netd_messages.hpp"

#include <algorithm>
#include <string_view>

#include "core/control.hpp"
#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

// magic, version, kind, payload
constexpr std::uint32_t magic = 0x6f6c6e64;  // "olnd"
constexpr std::uint8_t version = 3;
enum class kind : std::uint8_t { install = 1, withdraw, opened, done, refusal, open_files, file, answer_processes, lend_sockets };
enum class family : std::uint8_t { v4 = 4, v6 = 6 };

constexpr std::size_t step_max = 64;

bool in_limits(const netd_listener& l) noexcept {
  if (l.original_source && !(l.capture && l.capture->by == core::mechanism::tproxy)) return false;
  return !l.capture || l.capture->what.validate().empty();
}
bool in_limits(const netd_install& m) noexcept {
  return m.workers >= 1 && m.workers <= netd_workers_max && m.listeners.size() <= netd_listeners_max &&
         std::ranges::all_of(m.listeners, [](const netd_listener& l) { return in_limits(l); });
}
bool in_limits(const netd_opened& m) noexcept { return m.v4 <= netd_workers_max && m.v6 <= netd_workers_max; }

void put_text(byte_writer& out, std::string_view text, std::size_t limit) {
  std::string clean{text.substr(0, limit)};
  std::replace_if(clean.begin(), clean.end(), core::is_control, '?');
  out.u16(static_cast<std::uint16_t>(clean.size()));
  out.put(clean);
}

std::optional<std::string> take_text(byte_reader& in, std::size_t limit) {
  const std::size_t size = in.u16();
  if (size > limit) return std::nullopt;
  std::string text{as_text(in.take(size))};
  if (std::ranges::any_of(text, core::is_control)) return std::nullopt;
  return text;
}

void put_address(byte_writer& out, const core::address& a) {
  out.u8(static_cast<std::uint8_t>(a.is_v6() ? family::v6 : family::v4));
  if (a.is_v6()) {
    const auto raw = a.to_v6();
    out.put(bytes{raw});
  } else {
    const auto raw = a.to_v4();
    out.put(bytes{raw});
  }
}

std::optional<core::address> take_address(byte_reader& in) {
  const auto which = static_cast<family>(in.u8());
  if (which != family::v4 && which != family::v6) return std::nullopt;
  core::address::bytes_v4 four{};
  core::address::bytes_v6 sixteen{};
  const bool v6 = which == family::v6;
  const bytes raw = in.take(v6 ? sixteen.size() : four.size());
  std::ranges::copy(raw, v6 ? sixteen.begin() : four.begin());
  return v6 ? core::address::v6(sixteen) : core::address::v4(four);
}

bool take_bool(byte_reader& in, bool& out) {
  const std::uint8_t value = in.u8();
  out = value == 1;
  return value <= 1;
}

// The number of values of one kind of condition; more than is allowed fails the message.
std::optional<std::size_t> take_count(byte_reader& in) {
  const std::size_t count = in.u16();
  if (count > core::capture_values_max) return std::nullopt;
  return count;
}

bool take_texts(byte_reader& in, std::size_t limit, std::vector<std::string>& into) {
  const auto count = take_count(in);
  for (std::size_t i = 0; count && i < *count; ++i) {
    auto one = take_text(in, limit);
    if (!one) return false;
    into.push_back(std::move(*one));
  }
  return count.has_value();
}

struct encoder {
  byte_writer& out;

  void head(kind what) {
    out.u32(magic);
    out.u8(version);
    out.u8(static_cast<std::uint8_t>(what));
  }
  void count(std::size_t n) { out.u16(static_cast<std::uint16_t>(n)); }
  void put(const core::capture& c) {
    out.u8(static_cast<std::uint8_t>(c.direction));
    count(c.ports.size());
    for (const auto& p : c.ports) out.u16(p.first), out.u16(p.last);
    count(c.networks.size());
    for (const auto& n : c.networks) put_address(out, n.network), out.u8(n.prefix);
    count(c.uids.size());
    for (const std::uint32_t id : c.uids) out.u32(id);
    count(c.gids.size());
    for (const std::uint32_t id : c.gids) out.u32(id);
    count(c.interfaces.size());
    for (const auto& name : c.interfaces) put_text(out, name, core::interface_name_max);
    count(c.executables.size());
    for (const auto& path : c.executables) put_text(out, path, core::capture_path_max);
    count(c.processes.size());
    for (const auto& name : c.processes) put_text(out, name, core::process_name_max);
    count(c.pids.size());
    for (const std::uint32_t id : c.pids) out.u32(id);
    put_text(out, c.cgroup, core::capture_path_max);
    out.u16(c.deny);
    count(c.rewrites.size());
    for (const auto& r : c.rewrites) out.u16(r.from), out.u16(r.to);
    count(c.sources.size());
    for (const auto& n : c.sources) put_address(out, n.network), out.u8(n.prefix);
    count(c.marks.size());
    for (const auto& m : c.marks) out.u32(m.value), out.u32(m.mask);
  }
  void operator()(const netd_install& m) {
    head(kind::install);
    out.u32(m.workers);
    out.u8(m.want_sockets);
    count(m.listeners.size());
    for (const auto& l : m.listeners) {
      put_address(out, l.where.address);
      out.u16(l.where.port);
      out.u8(l.fail_closed);
      out.u8(l.reject_udp);
      out.u8(l.original_source);
      out.u8(l.capture.has_value());
      if (!l.capture) continue;
      out.u8(static_cast<std::uint8_t>(l.capture->by));
      put(l.capture->what);
    }
  }
  void operator()(const netd_withdraw&) { head(kind::withdraw); }
  void operator()(const netd_opened& m) {
    head(kind::opened);
    out.u32(m.v4);
    out.u32(m.v6);
    out.u8(m.origins);
  }
  void operator()(const netd_done&) { head(kind::done); }
  void operator()(const netd_refusal& m) {
    head(kind::refusal);
    out.u16(m.system_errno);
    put_text(out, m.step, step_max);
    put_text(out, m.message, netd_text_max);
  }
  void operator()(const netd_open_files&) { head(kind::open_files); }
  void operator()(const netd_answer_processes&) { head(kind::answer_processes); }
  void operator()(const netd_lend_sockets&) { head(kind::lend_sockets); }
  void operator()(const netd_file& m) {
    head(kind::file);
    out.u16(m.system_errno);
    put_text(out, m.path, netd_path_max);
  }
};

bool take_networks(byte_reader& in, std::vector<core::cidr>& into) {
  const auto count = take_count(in);
  for (std::size_t i = 0; count && i < *count; ++i) {
    const auto network = take_address(in);
    const std::uint8_t prefix = in.u8();
    const auto whole = network ? core::cidr::make(*network, prefix) : std::nullopt;
    if (!whole) return false;
    into.push_back(*whole);
  }
  return count.has_value();
}

std::optional<core::capture> decode_capture(byte_reader& in) {
  core::capture out;
  const std::uint8_t direction = in.u8();
  if (direction > static_cast<std::uint8_t>(core::capture::way::forward)) return std::nullopt;
  out.direction = static_cast<core::capture::way>(direction);
  auto count = take_count(in);
  for (std::size_t i = 0; count && i < *count; ++i) {
    const std::uint16_t first = in.u16();
    out.ports.push_back({first, in.u16()});
  }
  if (!count || !take_networks(in, out.networks)) return std::nullopt;
  for (auto* ids : {&out.uids, &out.gids}) {
    if (count) count = take_count(in);
    for (std::size_t i = 0; count && i < *count; ++i) ids->push_back(in.u32());
  }
  const bool whole =
      count && take_texts(in, core::interface_name_max, out.interfaces) && take_texts(in, core::capture_path_max, out.executables) &&
      take_texts(in, core::process_name_max, out.processes);
  if (!whole || !(count = take_count(in))) return std::nullopt;
  for (std::size_t i = 0; i < *count; ++i) out.pids.push_back(in.u32());
  auto cgroup = take_text(in, core::capture_path_max);
  if (!cgroup) return std::nullopt;
  out.cgroup = std::move(*cgroup);
  out.deny = in.u16();
  if (!(count = take_count(in))) return std::nullopt;
  for (std::size_t i = 0; i < *count; ++i) {
    const std::uint16_t from = in.u16();
    out.rewrites.push_back({from, in.u16()});
  }
  if (!take_networks(in, out.sources)) return std::nullopt;
  if (!(count = take_count(in))) return std::nullopt;
  for (std::size_t i = 0; i < *count; ++i) {
    const std::uint32_t value = in.u32();
    out.marks.push_back({value, in.u32()});
  }
  return out;
}

std::optional<netd_listener> decode_listener(byte_reader& in) {
  netd_listener out;
  const auto where = take_address(in);
  if (!where) return std::nullopt;
  out.where = {*where, in.u16()};
  bool captures = false;
  if (!take_bool(in, out.fail_closed) || !take_bool(in, out.reject_udp) || !take_bool(in, out.original_source) || !take_bool(in, captures))
    return std::nullopt;
  if (!captures) return out;
  const std::uint8_t by = in.u8();
  auto what = decode_capture(in);
  if (!what || by > static_cast<std::uint8_t>(core::mechanism::sk_lookup)) return std::nullopt;
  out.capture = {static_cast<core::mechanism>(by), std::move(*what)};
  return out;
}

std::optional<netd_message> decode_install(byte_reader& in) {
  netd_install m;
  m.workers = in.u32();
  if (!take_bool(in, m.want_sockets)) return std::nullopt;
  const std::size_t count = in.u16();
  if (count > netd_listeners_max) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    auto one = decode_listener(in);
    if (!one) return std::nullopt;
    m.listeners.push_back(std::move(*one));
  }
  if (!in_limits(m)) return std::nullopt;
  return m;
}

std::optional<netd_message> decode_opened(byte_reader& in) {
  netd_opened m;
  m.v4 = in.u32();
  m.v6 = in.u32();
  if (!take_bool(in, m.origins) || !in_limits(m)) return std::nullopt;
  return m;
}

std::optional<netd_message> decode_refusal(byte_reader& in) {
  const std::uint16_t system_errno = in.u16();
  auto step = take_text(in, step_max);
  if (!step) return std::nullopt;
  auto message = take_text(in, netd_text_max);
  if (!message) return std::nullopt;
  return netd_refusal{std::move(*step), system_errno, std::move(*message)};
}

std::optional<netd_message> decode_file(byte_reader& in) {
  const std::uint16_t system_errno = in.u16();
  auto path = take_text(in, netd_path_max);
  if (!path) return std::nullopt;
  return netd_file{std::move(*path), system_errno};
}

std::optional<netd_message> decode_kind(kind what, byte_reader& in) {
  switch (what) {
    case kind::install: return decode_install(in);
    case kind::withdraw: return netd_withdraw{};
    case kind::opened: return decode_opened(in);
    case kind::done: return netd_done{};
    case kind::refusal: return decode_refusal(in);
    case kind::open_files: return netd_open_files{};
    case kind::file: return decode_file(in);
    case kind::answer_processes: return netd_answer_processes{};
    case kind::lend_sockets: return netd_lend_sockets{};
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::uint8_t> encode(const netd_message& message) {
  if (const auto* m = std::get_if<netd_install>(&message); m && !in_limits(*m)) return {};
  if (const auto* m = std::get_if<netd_opened>(&message); m && !in_limits(*m)) return {};
  std::vector<std::uint8_t> packet(netd_message_max);
  byte_writer out{packet};
  std::visit(encoder{out}, message);
  if (out.failed()) return {};
  packet.resize(out.written().size());
  return packet;
}

std::optional<netd_message> decode_netd_message(bytes packet) {
  if (packet.size() > netd_message_max) return std::nullopt;
  byte_reader in{packet};
  if (in.u32() != magic || in.u8() != version) return std::nullopt;
  auto message = decode_kind(static_cast<kind>(in.u8()), in);
  if (!message || in.failed() || in.left() != 0) return std::nullopt;
  return message;
}

}  // namespace omnilink::wire
