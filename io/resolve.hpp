// Names to addresses by the system's resolver (getaddrinfo(3)), for every worker: identical questions are
// asked once, answers are kept for a while. It blocks threads of its own only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/endpoint.hpp"
#include "core/errc.hpp"

namespace omnilink::io {

class resolver {
 public:
  /// In the order in which they should be tried; never an empty success. Errors: name_not_found,
  /// resolve_failed, limit_reached (too many different questions at once).
  using result = boost::system::result<std::vector<core::endpoint>, core::errc>;
  using addresses = boost::system::result<std::vector<core::address>, core::errc>;
  using look_up_function = std::function<addresses(const std::string& name)>;

  /// Its state lives on `home` (the control thread); look-ups run on threads that begin with the first
  /// question. The function is called on those threads, several at a time.
  explicit resolver(boost::asio::any_io_executor home, look_up_function look_up = ask_system);
  ~resolver();
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;

  /// Callable from a coroutine on any worker, which goes on there. A caller that goes away disturbs nobody.
  /// No timeout here: the deadline is the caller's.
  boost::asio::awaitable<result> resolve(std::string name, std::uint16_t port);

  /// On `home`: every open question ends with `canceled`, and so does every later one. Look-ups that run cannot be
  /// interrupted; nobody waits for them.
  void stop();

  /// getaddrinfo(3).
  static addresses ask_system(const std::string& name);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace omnilink::io
