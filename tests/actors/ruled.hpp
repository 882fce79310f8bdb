// Rules for a service under test, and what its connections came to.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/running_service.hpp"

namespace omnilink::test {

using interceptor::filter::on_change;
using interceptor::filter::rule;

inline rule to_port(const core::endpoint& of, std::string action, std::string name = {}, on_change then = on_change::keep) {
  return {std::move(name), {{"port", {std::to_string(of.port)}}}, std::move(action), true, then};
}
inline rule everything(std::string action) { return {{}, {}, std::move(action), true}; }

inline actors::configuration with(std::vector<rule> rules) {
  actors::configuration out = two_workers();
  out.rules = std::move(rules);
  return out;
}

/// A chain of one SOCKS5 hop.
inline chain::chain through(const char* name, const core::endpoint& hop) {
  chain::chain out;
  out.name = name;
  out.hops.push_back(*chain::parse_hop_url("socks5://" + hop.to_string()));
  return out;
}

/// The trips that ended.
struct trips {
  std::mutex mutex;
  std::condition_variable ended;
  std::vector<actors::trip_report> all;

  actors::configuration watched(actors::configuration out) {
    out.report_trip = [this](const actors::trip_report& t) {
      const std::lock_guard lock{mutex};
      all.push_back(t);
      ended.notify_all();
    };
    return out;
  }

  /// Once there are so many.
  std::vector<actors::trip_report> wait(std::size_t count) {
    std::unique_lock lock{mutex};
    ended.wait(lock, [&] { return all.size() >= count; });
    return all;
  }
};

}  // namespace omnilink::test
