#include "actors/opener.hpp"

#include <memory>
#include <utility>

#include "io/accept.hpp"

namespace omnilink::actors {

void opener::is(core::program known, std::uint64_t cgroup) {
  cgroup_ = cgroup;
  program_ = std::make_shared<const core::program>(std::move(known));
  slot_.info.program = program_;
}

io::task<> opener::find_out(const asked_facts& asked, int client, core::endpoint peer) {
  if (asked.interface && interface_.empty()) interface_ = io::incoming_interface(client);
  if (!asked.program || std::exchange(found_out_, true)) co_return;
  interceptor::attribution::question about{key_.source, peer, key_.netns, asked.process, program_, cgroup_};
  program_ = co_await home_.shared.programs.find(std::move(about), slot_.cancel, home_.execution.io());
  slot_.info.program = program_;
}

std::uint64_t opener::netns() const noexcept {
  if (program_ && program_->netns != 0) return program_->netns;
  return key_.netns != 0 ? key_.netns : home_.shared.own_netns;
}

}  // namespace omnilink::actors
