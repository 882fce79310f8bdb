// A configuration that a test changes under a running service.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "tests/actors/running_service.hpp"

namespace omnilink::test {

/// What the next reload reads, and how the last one ended.
struct reloading {
  std::mutex mutex;
  std::condition_variable changed;
  actors::configuration next;
  std::vector<std::string> errors;
  int ended = 0;
  bool in_use = false;

  actors::configuration reloadable(actors::configuration out) {
    out.reload.read = [this]() -> boost::system::result<actors::configuration, std::vector<std::string>> {
      const std::lock_guard lock{mutex};
      if (!errors.empty()) return {boost::system::in_place_error, errors};
      return {boost::system::in_place_value, reloadable(next)};
    };
    out.reload.ended = [this](bool used) {
      const std::lock_guard lock{mutex};
      in_use = used;
      ++ended;
      changed.notify_all();
    };
    return out;
  }

  bool reload(running& omnilink) {
    std::unique_lock lock{mutex};
    const int before = ended;
    lock.unlock();
    omnilink->reload();
    lock.lock();
    changed.wait(lock, [&] { return ended != before; });
    return in_use;
  }
};

}  // namespace omnilink::test
