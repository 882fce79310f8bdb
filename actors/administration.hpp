// What is asked of a running service, and done to it: one way for admin.sock and for the HTTP API.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "actors/control.hpp"
#include "wire/admin.hpp"

namespace omnilink::actors {

struct worker_view;

class administration {
 public:
  explicit administration(control& home) : home_{home} {}

  struct outcome {
    std::string reply;  ///< one line of JSON
    enum class kind : std::uint8_t { done, missing, refused, failed } what = kind::done;  ///< missing: no such flow or connection
  };
  /// On control.
  boost::asio::awaitable<outcome> act(const wire::admin_request& request);
  /// What of it are the counters, as Prometheus reads them. On control.
  boost::asio::awaitable<std::string> metrics_document();
  /// Ends the service where that was asked for: once the reply is sent.
  void conclude(const wire::admin_request& request);

 private:
  using answer = boost::asio::awaitable<outcome>;

  boost::asio::awaitable<worker_view> view();
  boost::asio::awaitable<std::optional<nat_results>> in_shard(const nat_request& wanted);
  answer nat_stats();
  answer nat_list(std::uint64_t limit, std::uint64_t cursor);
  answer nat_find(const core::endpoint& source);
  answer nat_delete(const core::endpoint& source);
  answer connections(std::uint64_t limit);
  answer kill(std::uint64_t id);
  answer chains();
  answer reload_now();
  answer set_enabled(std::uint64_t id, bool enabled);
  outcome explain_one(const wire::connection_question& about) const;
  outcome rules(std::uint64_t limit) const;

  control& home_;
};

}  // namespace omnilink::actors
