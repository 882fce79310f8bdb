#include "actors/ruling.hpp"

#include <ctime>

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

// A name is not resolved to be asked about: a rule about addresses does not meet it.
filter::values values_of(const asked_connection& what, const core::target& where) {
  filter::values out;
  if (where.is_name()) out.set(field_id::host, std::string_view{where.name});
  else out.set(field_id::remote_address, where.address);
  out.set(field_id::remote_port, std::uint64_t{where.port});
  out.set(field_id::local_address, what.key.source.address);
  out.set(field_id::local_port, std::uint64_t{what.key.source.port});
  out.set(field_id::protocol, ip_protocol_tcp);
  out.set(field_id::time, minute_of_the_week());
  out.set(field_id::listener, what.listener);
  if (what.netns != 0) out.set(field_id::netns, what.netns);
  if (!what.interface.empty()) out.set(field_id::interface, what.interface);
  if (what.program) add(out, *what.program);
  return out;
}

void name(ruling& in, const filter::filter* by) {
  if (!by) return;
  if (!in.rule.empty()) in.rule += ", ";
  in.rule += by->name;
}

// True: that ends it.
bool refuses(const filter::decision& said, const chain::router& ways, ruling& out) {
  if (said.what != outcome::block && said.what != outcome::failed) return false;
  name(out, said.by);
  out.way = &ways.reject();
  out.code = said.what == outcome::block ? core::errc::rejected : core::errc::internal;
  out.silent = said.what == outcome::block && said.how.with == filter::block_answer::how::silent;
  return true;
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
  else out.way = said.way->action.kind == filter::action_kind::direct ? &ways.direct() : ways.named(said.way->action.name);
  if (!out.way) reject(out, ways, said.way ? "its chain does not exist" : "permitted, but nothing says by which of the chains");
}

}  // namespace

std::uint64_t minute_of_the_week() noexcept {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  const int day = (local.tm_wday + 6) % 7;
  return static_cast<std::uint64_t>((day * 24 + local.tm_hour) * 60 + local.tm_min);
}

ruling rule_on(const asked_connection& what, const worker_settings& by) {
  const chain::router& ways = by.all->router;
  ruling out;
  filter::metadata about;
  about.now = core::clock::now();
  about.clock = &core::clock::now;

  const core::target* where = &what.where;
  const auto first = by.policy->classify(filter::connect_redirect_layer(where->address), values_of(what, *where), about);
  if (refuses(first, ways, out)) return out;
  if (first.way) {
    out.redirected = first.way->action.to.applied_to(*where);
    where = &*out.redirected;
    name(out, first.way);
  }
  const auto second = by.policy->classify(filter::connect_auth_layer(where->address), values_of(what, *where), about);
  if (refuses(second, ways, out)) return out;
  if (second.what == outcome::none) reject(out, ways, "no rule permits it");
  else permit(second, ways, out);
  return out;
}

}  // namespace omnilink::actors
