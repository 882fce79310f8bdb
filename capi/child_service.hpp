// A private `omnilink run`, of a configuration in memory. It ends with this object, and with this process however that ends.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capi/problem.hpp"
#include "io/descriptor.hpp"

namespace omnilink::capi {

class child_service {
 public:
  child_service() = default;
  ~child_service() { stop(); }
  child_service(const child_service&) = delete;
  child_service& operator=(const child_service&) = delete;

  /// Returns when it listens. `program`: a path, or a name that is looked for in PATH. `library`: its end of the socket over which it asks
  /// this program's callouts; empty: it has none.
  std::optional<problem> start(const std::string& program, std::string_view config, std::chrono::milliseconds limit, io::descriptor library);
  /// At once; connections that run end. Waits at most 2 s.
  void stop() noexcept;
  /// Where it listens, one for each listener; empty: it does not run.
  std::vector<std::string> addresses() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace omnilink::capi
