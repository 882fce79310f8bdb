// query.sock (fixed-size questions, every answer filtered), admin.sock (one JSON line each way) and the admin API over HTTP, served by
// coroutines on the control unit. Outlives the query_endpoint actor, which only starts it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/endpoint.hpp"

namespace omnilink::actors {

struct control;

class query_server {
 public:
  explicit query_server(control& home);
  ~query_server();
  query_server(const query_server&) = delete;
  query_server& operator=(const query_server&) = delete;

  /// Of the HTTP API, with its real port; nullopt: there is none.
  std::optional<core::endpoint> http() const;
  /// Opens the configured sockets and serves them. Empty: done; otherwise one line with the path and the cause.
  std::string open();
  /// Closes everything and takes the paths away.
  void stop() noexcept;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;  // shared with its coroutines, which end after stop()
};

}  // namespace omnilink::actors
