// One redirection at a time, and where its connections wanted to go: what the five calls and a handle have in common. Any thread.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "capi/problem.hpp"
#include "capi/service_client.hpp"
#include "interceptor/cgroup/redirection.hpp"
#include "interceptor/sk_lookup/programs.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::capi {

/// What keeps it so.
struct in_force {
  interceptor::cgroup::redirection outgoing;
  interceptor::sk_lookup::programs incoming;
  io::descriptor ended;  ///< readable when it is in force no more

  std::optional<interceptor::bpf::failure> attach(const interceptor::cgroup::borrowed_listener& wanted);
  void stop() noexcept;
};

class interception {
 public:
  /// `query_socket` empty: where a service has it; nullopt: none is asked. `mirrors`: the service is told of flows.
  explicit interception(std::optional<std::string> query_socket, bool mirrors = false);
  ~interception();

  /// Nothing changes where the same is in force already; otherwise what was ends first. nullopt: it is in force.
  std::optional<problem> start(const interceptor::cgroup::borrowed_listener& wanted);
  /// A start that is under way fails.
  void stop() noexcept;

  using answer = boost::system::result<wire::nat_answer, problem>;
  answer from_port(std::uint16_t port);
  /// `local`: of the accepted socket; nullopt: any.
  answer from(const core::endpoint& source, const std::optional<core::endpoint>& local);
  answer of(int accepted_fd);
  /// False: there was nothing.
  bool forget(std::uint16_t port);

  /// What is in force; null: nothing.
  std::shared_ptr<interceptor::cgroup::redirection> current() const;

  /// The last failure's text.
  void remember(std::string text);
  std::string remembered() const;

 private:
  answer ask_service(const wire::nat_question& question, int passed = -1);

  const std::optional<std::string> query_socket_;
  const bool mirrors_;
  std::optional<service_client> service_;
  std::mutex starting_;  // held while programs are loaded, which takes its time
  mutable std::mutex state_;  // held for a moment only
  std::shared_ptr<in_force> current_;
  interceptor::cgroup::borrowed_listener wanted_;
  std::uint64_t stops_ = 0;
  std::string last_error_;
};

/// As the service would say it.
wire::nat_answer to_answer(const interceptor::cgroup::arrival& of);

}  // namespace omnilink::capi
