// Asks a running service, over its query socket. Any thread; one question at a time.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

#include "capi/problem.hpp"
#include "io/unix_client.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::capi {

class service_client {
 public:
  /// Empty: where a service has it.
  explicit service_client(std::string path) : path_{std::move(path)} {}

  /// `passed`: the socket that a question by descriptor is about. Where no service runs: a miss.
  boost::system::result<wire::nat_answer, problem> ask(const wire::nat_question& question, int passed = -1);
  /// Likewise: a flow that is carried by somebody else.
  boost::system::result<wire::nat_answer, problem> announce(const wire::nat_announcement& flow);

 private:
  boost::system::result<wire::nat_answer, problem> converse(wire::bytes message, int passed);
  int exchange(wire::bytes message, int passed, std::span<std::uint8_t> into, std::size_t& size);

  const std::string path_;
  std::mutex one_at_a_time_;
  io::unix_client service_;
};

}  // namespace omnilink::capi
