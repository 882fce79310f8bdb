#include "actors/flow_answer.hpp"

#include <algorithm>

namespace omnilink::actors {
namespace {

using wire::nat_answer;

}  // namespace

std::uint64_t remaining_ms(const nat::entry& flow, core::instant now) noexcept {
  if (!flow.has_ttl()) return 0;
  // At least 1: the sweep is late, it is not immortal.
  return static_cast<std::uint64_t>(std::max<std::int64_t>(core::to_milliseconds(flow.due - now), 0)) + 1;
}

nat_answer answer_of(const nat::entry& flow, core::instant now) {
  nat_answer out;
  const bool live = flow.state == nat::flow_state::live;
  out.what = live ? nat_answer::status::live : nat_answer::status::closed;
  out.matches = 1;
  out.carrier = flow.carrier == nat::carrier::omnilink ? wire::nat_carrier::omnilink : wire::nat_carrier::other;
  out.connection = flow.connection;
  out.generation = flow.generation;
  out.age_ms = static_cast<std::uint64_t>(core::to_milliseconds(now - flow.created));
  out.closed_ms = live ? 0 : static_cast<std::uint64_t>(core::to_milliseconds(now - flow.closed));
  out.remaining_ms = remaining_ms(flow, now);
  out.uid = flow.uid;
  if (flow.program) {
    out.pid = flow.program->pid.value_or(0);
    out.gid = flow.program->gid.value_or(out.gid);
    out.process = flow.program->process;
    out.exe = flow.program->exe;
    out.cgroup = flow.program->cgroup;
  }
  out.protocol = flow.key.protocol;
  out.netns = flow.key.netns;
  out.cookie = flow.cookie;
  out.source = flow.key.source;
  out.local = flow.key.local;
  out.dialled = {flow.original_address, flow.original.port};
  out.original = flow.original;
  out.chain = flow.chain;
  if (flow.rule) out.rule = *flow.rule;
  return out;
}

nat_answer answer_of(const nat_entries& flows, core::instant now) {
  nat_answer out;
  if (flows.empty()) return out;
  std::size_t live = 0;
  const nat::entry* answer = &flows.front();  // newest first
  for (const nat::entry& f : flows) {
    if (f.state != nat::flow_state::live) continue;
    if (live++ == 0) answer = &f;
  }
  const std::size_t candidates = live != 0 ? live : flows.size();
  if (candidates == 1) return answer_of(*answer, now);
  out.what = nat_answer::status::ambiguous;
  out.matches = static_cast<std::uint32_t>(candidates);
  return out;
}

wire::nat_counters counters_of(const nat::stats& all) noexcept {
  return {all.live, all.announced, all.closed, all.capacity, all.inserted, all.expired, all.refused, all.replaced, all.erased};
}

nat::entry entry_of(const wire::nat_announcement& said) {
  nat::entry out;
  out.key = {said.protocol, said.source, said.local, said.netns};
  out.original = said.original;
  out.original_address = said.dialled.address;
  out.cookie = said.cookie;
  out.uid = said.uid;
  out.chain = said.chain;
  if (!said.rule.empty()) out.rule = std::make_shared<const std::string>(said.rule);
  core::program who;
  who.exe = said.exe;
  who.process = said.process;
  who.cgroup = said.cgroup;
  if (said.pid != 0) who.pid = said.pid;
  if (said.gid != wire::nat_flow{}.gid) who.gid = said.gid;
  if (said.uid != nat::entry::unknown_uid) who.uid = said.uid;
  if (who != core::program{}) out.program = std::make_shared<const core::program>(std::move(who));
  return out;
}

}  // namespace omnilink::actors
