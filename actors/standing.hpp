// A connection that the rules have let go: what becomes of it when they change.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "actors/ruling.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

class standing final : recheck::subject {
 public:
  /// `ruled` is what was decided of the connection, `asked` what about; all outlive it.
  standing(worker& home, connection& slot, ruling& ruled, std::function<asked_connection()> asked)
      : home_{home}, slot_{slot}, ruled_{ruled}, asked_{std::move(asked)} {}

  /// Asked about again from now on.
  void begin(bool is_incoming);
  void end();
  /// By rules that have changed already.
  void ask_again(const worker_settings& now) override;
  /// Why it is to end, or has ended, with errc::rules_changed.
  const std::string& why() const noexcept { return why_; }

 private:
  worker& home_;
  connection& slot_;
  ruling& ruled_;
  const std::function<asked_connection()> asked_;
  bool is_incoming_ = false;
  std::string why_;
  io::deadlines::timer due_{home_.deadlines};
};

/// Blocked without an answer: reads what the client says until it gives up, or until then, and resets it.
io::task<> hold_unanswered(worker& home, connection& slot, io::stream& client, core::instant until);

}  // namespace omnilink::actors
