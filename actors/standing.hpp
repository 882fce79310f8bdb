// A connection that the rules have let go: what becomes of it when they change.
#pragma once

#include <optional>
#include <string>

#include "actors/ruling.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

class standing final : recheck::subject {
 public:
  /// `ruled` is what was decided; all outlive it.
  standing(worker& home, connection& slot, ruling& ruled) : home_{home}, slot_{slot}, ruled_{ruled} {}

  /// Asked about again from now on; what `what` refers to stays where it is until end().
  void begin(const asked_connection& what, bool is_incoming);
  void end();
  /// By rules that have changed already.
  void ask_again(const worker_settings& now) override;
  /// Why it is to end, or has ended, with errc::rules_changed.
  const std::string& why() const noexcept { return why_; }

 private:
  worker& home_;
  connection& slot_;
  ruling& ruled_;
  std::optional<asked_connection> what_;
  bool is_incoming_ = false;
  std::string why_;
  io::deadlines::timer due_{home_.deadlines};
};

/// Blocked without an answer: reads what the client says until it gives up, or until then, and resets it.
io::task<> hold_unanswered(worker& home, connection& slot, io::stream& client, core::instant until);

}  // namespace omnilink::actors
