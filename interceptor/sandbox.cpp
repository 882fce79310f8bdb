#include "interceptor/sandbox.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "interceptor/installer_channel.hpp"
#include "interceptor/sandbox_child.hpp"
#include "interceptor/sandbox_failure.hpp"

namespace omnilink::interceptor {
namespace {

// The child needs some 10 ms; a machine that takes longer than this is stuck.
constexpr timeval install_timeout{.tv_sec = 20, .tv_usec = 0};

using descriptors = std::vector<io::descriptor>;

/// The order is that of wire::install_reply.
installation unpack(const wire::install_reply& reply, descriptors received) {
  installation out;
  auto next = std::make_move_iterator(received.begin());
  out.redirect_v4.assign(next, next + reply.workers);
  next += reply.workers;
  out.redirect_v6.assign(next, next + reply.workers);
  next += reply.workers;
  for (io::descriptor* into :
       {&out.dns_udp_v4, &out.dns_udp_v6, &out.dns_tcp_v4, &out.dns_tcp_v6, &out.sock_diag}) {
    *into = *next++;
  }
  out.netns = reply.netns;
  return out;
}

constexpr std::size_t single_descriptors = 5;

boost::system::result<installation, install_failure> to_installation(received_message answer,
                                                                     const plan& wanted) {
  if (const auto* refusal = std::get_if<wire::install_refusal>(&answer.message)) {
    return install_failure{refusal->step, refusal->system_errno, refusal->message};
  }
  const auto* reply = std::get_if<wire::install_reply>(&answer.message);
  if (reply == nullptr || reply->workers != wanted.workers ||
      answer.descriptors.size() != 2 * wanted.workers + single_descriptors) {
    return sandbox_failure("answer", EPROTO);
  }
  return unpack(*reply, std::move(answer.descriptors));
}

}  // namespace

boost::system::result<std::unique_ptr<sandbox>, install_failure> sandbox::spawn(const options& wanted) {
  auto [ours, theirs] = make_packet_channel();
  if (!ours) return sandbox_failure("socketpair", errno);
  ::setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &install_timeout, sizeof(install_timeout));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return sandbox_failure("fork", errno);
  if (child == 0) {
    ours.reset();
    run_sandbox_child(std::move(theirs), wanted, parent);
  }
  return std::unique_ptr<sandbox>{new sandbox{std::move(ours), child}};
}

boost::system::result<installation, install_failure> sandbox::install(const plan& wanted) {
  const auto attempt = [&]() -> boost::system::result<installation, install_failure> {
    const wire::install_request request{wanted.workers, wanted.host_loopback_ports};
    if (!wire::is_valid(request)) {
      return sandbox_failure("plan", 0,
                             "1 to 64 workers and at most 64 loopback ports, without 0 and 53, are possible");
    }
    if (!send_message(channel_.get(), request)) return sandbox_failure("send the plan", errno);
    auto answer = receive_message(channel_.get());
    if (!answer && errno == EMFILE) return sandbox_failure("answer", EMFILE);
    if (!answer) return sandbox_failure("answer", 0, "the sandbox's process ended or does not answer");
    return to_installation(std::move(*answer), wanted);
  };
  auto outcome = attempt();
  if (outcome.has_error()) failure_ = outcome.error();
  return outcome;
}

void sandbox::remove() noexcept {
  channel_.reset();
}

bool sandbox::release() {
  const bool sent = send_message(channel_.get(), wire::install_go{});
  channel_.reset();
  return sent;
}

}  // namespace omnilink::interceptor
