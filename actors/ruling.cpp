#include "actors/ruling.hpp"

#include <algorithm>
#include <ctime>

#include "core/nearest_word.hpp"

namespace omnilink::actors {
namespace {

namespace filter = interceptor::filter;
using filter::field_id;
using outcome = filter::decision::outcome;

void add(filter::values& to, const core::program& who) {
  if (who.pid) to.set(field_id::pid, std::uint64_t{*who.pid});
  if (who.uid) to.set(field_id::uid, std::uint64_t{*who.uid});
  if (who.gid) to.set(field_id::gid, std::uint64_t{*who.gid});
  if (!who.exe.empty()) to.set(field_id::exe, std::string_view{who.exe});
  if (!who.process.empty()) to.set(field_id::process, std::string_view{who.process});
  if (!who.cgroup.empty()) to.set(field_id::cgroup, std::string_view{who.cgroup});
}

void set_circumstances(filter::values& out, const asked_connection& what) {
  out.set(field_id::protocol, ip_protocol_tcp);
  out.set(field_id::time, what.minute);
  out.set(field_id::listener, what.listener);
  if (what.netns != 0) out.set(field_id::netns, what.netns);
  if (!what.interface.empty()) out.set(field_id::interface, what.interface);
  if (what.program) add(out, *what.program);
  if (what.flow) out.set_tags(what.flow->tags);
}

// A name is not resolved to be asked about: a rule about addresses does not meet it.
filter::values values_of(const asked_connection& what, const core::target& where) {
  filter::values out;
  if (where.is_name()) out.set(field_id::host, std::string_view{where.name});
  else out.set(field_id::remote_address, where.address);
  out.set(field_id::remote_port, std::uint64_t{where.port});
  out.set(field_id::local_address, what.key.source.address);
  out.set(field_id::local_port, std::uint64_t{what.key.source.port});
  set_circumstances(out, what);
  return out;
}

// At the accept layer "remote" is the client.
filter::values values_of_arrival(const asked_connection& what) {
  filter::values out;
  out.set(field_id::remote_address, what.key.source.address);
  out.set(field_id::remote_port, std::uint64_t{what.key.source.port});
  out.set(field_id::local_address, what.came_to.address);
  out.set(field_id::local_port, std::uint64_t{what.came_to.port});
  set_circumstances(out, what);
  return out;
}

filter::metadata about(const asked_connection& what) {
  filter::metadata out;
  out.now = core::clock::now();
  out.clock = &core::clock::now;
  out.flow = what.flow;
  out.explaining = what.explaining;
  out.reauthorizing = what.again;
  out.pended = what.pended ? what.pended->by : nullptr;
  return out;
}

void name(ruling& in, const filter::filter* by) {
  if (!by) return;
  if (!in.rule.empty()) in.rule += ", ";
  in.rule += by->name;
  in.on_change = std::max(in.on_change, by->on_change);
}

void reject(ruling& out, const chain::router& ways, std::string_view reason) {
  out.way = &ways.reject();
  out.code = core::errc::rejected;
  out.reason = reason;
}

void permit(const filter::decision& said, const chain::router& ways, ruling& out) {
  name(out, said.by);
  if (said.way && said.way != said.by) name(out, said.way);
  if (!said.way) out.way = ways.only();
  else out.way = said.says->kind == filter::action_kind::direct ? &ways.direct() : ways.named(said.says->name);
  if (!out.way) reject(out, ways, said.way ? "its chain does not exist" : "permitted, but nothing says by which of the chains");
}

// A rule that is asked for the second time meets the tags of the first.
std::size_t begin_with_tags(const asked_connection& what) {
  if (!what.flow) return 0;
  if (what.pended) what.flow->tags.resize(what.pended->tags);
  return what.flow->tags.size();
}

}  // namespace

std::uint64_t minute_of_the_week() noexcept {
  // Asked for every connection, and the same for a minute.
  thread_local std::time_t minute = -1;
  thread_local std::uint64_t out = 0;
  const std::time_t now = std::time(nullptr);
  if (now / 60 == minute) return out;
  minute = now / 60;
  std::tm local{};
  ::localtime_r(&now, &local);
  const int day = (local.tm_wday + 6) % 7;
  return out = static_cast<std::uint64_t>((day * 24 + local.tm_hour) * 60 + local.tm_min);
}

bool refuses(const filter::decision& said, const chain::router& ways, ruling& out) {
  if (said.what != outcome::block && said.what != outcome::failed) return false;
  name(out, said.by);
  out.way = &ways.reject();
  out.code = said.what == outcome::block ? core::errc::rejected : core::errc::internal;
  out.silent = said.what == outcome::block && said.how.with == filter::block_answer::how::silent;
  return true;
}

ruling rule_on_arrival(const asked_connection& what, const worker_settings& by) {
  ruling out;
  if (!by.policy) return out;
  const std::size_t tags = begin_with_tags(what);
  const auto said = by.policy->classify(filter::accept_layer(what.key.source.address), values_of_arrival(what), about(what));
  if (said.what == outcome::pended) out.pended = {said.by, tags};
  else if (!refuses(said, by.all->router, out)) name(out, said.by);
  return out;
}

ruling rule_on(const asked_connection& what, const worker_settings& by, ruling out) {
  const chain::router& ways = by.all->router;
  if (!by.policy) {
    out.way = ways.route(what.where, false).way;
    return out;
  }
  filter::metadata meta = about(what);
  const std::size_t tags = begin_with_tags(what);
  const core::target* where = &what.where;
  const auto first = by.policy->classify(filter::connect_redirect_layer(where->address), values_of(what, *where), meta);
  if (first.what == outcome::pended) out.pended = {first.by, tags};
  if (out.pended || refuses(first, ways, out)) return out;
  if (first.way) {
    out.redirected = first.says->to.applied_to(*where);
    where = &*out.redirected;
    name(out, first.way);
  }
  const filter::layer_id auth = filter::connect_auth_layer(where->address);
  if (meta.pended && meta.pended->layer != auth) meta.pended = nullptr;  // nobody was asked here yet
  const auto second = by.policy->classify(auth, values_of(what, *where), meta);
  if (second.what == outcome::pended) out.pended = {second.by, tags};
  if (out.pended || refuses(second, ways, out)) return out;
  if (second.what == outcome::none) reject(out, ways, "no rule permits it");
  else permit(second, ways, out);
  return out;
}

bool asks_at(filter::layer_id where, const worker_settings& by) noexcept {
  return by.policy && !by.policy->at(where).empty();
}

filter::decision ask_at(filter::layer_id where, const asked_connection& what, const worker_settings& by, filter::layer_data data,
                        speaker from) {
  filter::metadata meta = about(what);
  if (where == filter::layer_id::stream) meta.way = from == speaker::client ? filter::stream_way::to_target : filter::stream_way::to_client;
  return by.policy->classify(where, values_of(what, what.where), meta, data);
}

std::optional<core::target> sniffed_target(const asked_connection& what, const ruling& now, const worker_settings& by) {
  filter::flow& flow = *what.flow;
  const core::target& where = now.redirected ? *now.redirected : what.where;
  // A rule that says another address means that address.
  const bool is_its_address = !what.where.is_name() && !where.is_name() && where.address == what.where.address;
  // What a library has said, it has said of the address.
  if (!flow.answers.empty()) return std::nullopt;
  if (flow.sniffed_name.empty() || !is_its_address || now.way->is_direct()) return std::nullopt;
  const core::target asked{flow.sniffed_name, what.where.port};
  const core::target named{flow.sniffed_name, where.port};
  if (!now.way->hops.back().obstacle(named).empty()) return std::nullopt;
  // Nothing that is asked here leaves a trace.
  const std::vector<std::string> tags = flow.tags;
  const asked_connection named_so{asked, what.key, what.came_to, what.listener, what.minute, what.program, what.interface, what.netns, &flow, true};
  const ruling then = rule_on(named_so, by);
  flow.tags = tags;
  const bool is_alike = then.code == now.code && then.way == now.way && (then.redirected ? *then.redirected : asked) == named;
  return is_alike ? std::optional{named} : std::nullopt;
}

bool is_same(const ruling& a, const ruling& b) noexcept {
  return a.code == b.code && a.way->name == b.way->name && a.redirected == b.redirected;
}

std::string to_string(const ruling& one) {
  if (!one.reason.empty()) return std::string{one.reason};
  const std::string by = one.rule.empty() ? " without a rule" : " by " + core::quoted(one.rule);
  if (one.code != core::errc::ok) return std::string{core::name_of(one.code)} + by;
  std::string out = one.way->is_direct() ? "direct" : "through chain " + one.way->name;
  if (one.redirected) out += " to " + one.redirected->to_string();
  return out + by;
}

}  // namespace omnilink::actors
