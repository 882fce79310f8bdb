// Who opened a connection, and how it came in: found out where a rule, the log or a question asks.
#pragma once

#include <string>

#include "actors/worker.hpp"
#include "core/program.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

class opener {
 public:
  /// All outlive it.
  opener(worker& home, connection& slot, const core::flow_key& key) : home_{home}, slot_{slot}, key_{key} {}

  /// The kernel's hook has said who, and in which control group.
  void is(core::program known, std::uint64_t cgroup);
  /// What is asked for; of the program once, since the client's socket stays the same. `peer`: of that socket.
  io::task<> find_out(const asked_facts& asked, int client, core::endpoint peer);

  /// Null: unknown.
  const core::program_ptr& program() const noexcept { return program_; }
  /// Empty: unknown.
  const std::string& interface() const noexcept { return interface_; }
  /// Of the program's socket.
  std::uint64_t netns() const noexcept;

 private:
  worker& home_;
  connection& slot_;
  const core::flow_key& key_;
  core::program_ptr program_;
  std::uint64_t cgroup_ = 0;  // its id; 0: unknown
  std::string interface_;
  bool found_out_ = false;
};

}  // namespace omnilink::actors
