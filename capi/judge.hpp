// The callouts of a handle, and the socket over which its private service asks them and says how connections ended. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "capi/problem.hpp"
#include "io/descriptor.hpp"
#include "wire/callout_messages.hpp"

namespace omnilink::capi {

class judge {
 public:
  /// `callback` null: none any more.
  std::optional<problem> add(std::string_view name, omnilink_callout_callback callback, void* user);
  void on_verdict(omnilink_verdict_callback callback, void* user);

  /// The two ends of a socket for the next service, its own second; empty: it has nothing to ask or tell.
  std::optional<problem> connect(std::pair<io::descriptor, io::descriptor>& ends);
  /// The service at its other end runs.
  void serve(io::descriptor own);
  /// Readable when there is something to tell; null: no service.
  std::shared_ptr<const io::descriptor> channel() const;

  /// Calls those whom what waits there is for, in this thread. By one thread at a time.
  std::optional<problem> tell(const std::shared_ptr<const io::descriptor>& from);
  std::optional<problem> complete(std::uint64_t token, const omnilink_answer& answer);

 private:
  using clock = std::chrono::steady_clock;
  struct code {
    omnilink_callout_callback callback;
    void* user;
  };

  std::optional<problem> ask(const io::descriptor& from, const wire::callout_question& question);
  void hear(const wire::callout_verdict& verdict) const;
  void forget_late(clock::time_point now);

  mutable std::mutex state_;  // held for a moment only
  std::map<std::string, code, std::less<>> callouts_;
  omnilink_verdict_callback told_ = nullptr;
  void* told_user_ = nullptr;
  std::shared_ptr<const io::descriptor> channel_;
  std::map<std::uint64_t, clock::time_point> pended_;  // by token, until when
};

}  // namespace omnilink::capi
