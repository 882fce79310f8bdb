// The admin API over HTTP: what admin.sock can, for dashboards and scripts, behind a token. On control, one request per connection.
// Who comes from a web page (CSRF, DNS rebinding) gets no answer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/endpoint.hpp"

namespace omnilink::actors {

struct control;

class admin_http {
 public:
  explicit admin_http(control& home);
  ~admin_http();
  admin_http(const admin_http&) = delete;
  admin_http& operator=(const admin_http&) = delete;

  /// Serves at the configured address; nothing is configured: does nothing. Empty: done; otherwise one line with the place and the cause.
  std::string open();
  /// With its real port; nullopt: not open.
  std::optional<core::endpoint> where() const;
  void stop() noexcept;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;  // shared with its coroutines, which end after stop()
};

}  // namespace omnilink::actors
