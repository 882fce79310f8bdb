// The client of an explicit listener: its requests, one after another where HTTP lets it, what it is told, and how long each of
// that may take.
#pragma once

#include "actors/worker.hpp"
#include "core/verdict.hpp"
#include "interceptor/explicit.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

class explicit_client {
 public:
  /// All arguments outlive it. A connection that is canceled closes the stream.
  explicit_client(worker& home, const configuration& config, const interceptor::listener_config& by, connection& slot, io::stream& stream)
      : home_{home}, config_{config}, by_{by}, slot_{slot}, stream_{stream} {}

  /// The latest one; none was asked for yet: nothing is due.
  interceptor::explicit_request& request() noexcept { return request_; }

  /// Its first request: request().code says whether it is one.
  io::task<> ask();
  /// Waits for another one, of HTTP. False: there is none, in good order.
  io::task<bool> ask_again();
  /// "Connected." When it is gone, `why` says so.
  io::task<> confirm(core::verdict& why);
  /// Its answer to a request that failed, or an RST that no one takes for an end. True: another request may follow.
  io::task<bool> refuse(const core::verdict& why);
  /// After the last answer: ends our direction, and gives it the time to read.
  io::task<> say_goodbye();

 private:
  io::task<> read(interceptor::listen_kind kind);
  bool may_go_on() const noexcept;

  worker& home_;
  const configuration& config_;
  const interceptor::listener_config& by_;
  connection& slot_;
  io::stream& stream_;
  interceptor::explicit_request request_;
};

}  // namespace omnilink::actors
