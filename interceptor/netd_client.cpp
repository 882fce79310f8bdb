#include "interceptor/netd_client.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "interceptor/packet_channel.hpp"

namespace omnilink::interceptor {
namespace {

using failure = std::optional<install_failure>;

// netd needs some milliseconds; on a machine that takes longer than this it is stuck.
constexpr timeval answer_timeout{.tv_sec = 10, .tv_usec = 0};

wire::netd_install to_message(const plan& wanted, bool want_sockets) {
  wire::netd_install out{wanted.workers, want_sockets, {}};
  for (const auto& l : wanted.listeners) {
    wire::netd_listener one{l.where, std::nullopt, l.fail_closed, l.reject_udp, l.original_source};
    if (const auto by = mechanism_of(l)) one.capture = wire::netd_capture{*by, l.capture};
    out.listeners.push_back(std::move(one));
  }
  return out;
}

install_failure lost() { return {"netd", errno, "the privileged process ended or does not answer"}; }

install_failure to_failure(const wire::netd_refusal& no) { return {no.step, no.system_errno, no.message}; }

std::optional<wire::netd_message> receive(int channel, std::vector<io::descriptor>& beside) {
  auto packet = receive_packet(channel, wire::netd_message_max);
  if (!packet) return std::nullopt;
  beside = std::move(packet->descriptors);
  return wire::decode_netd_message(packet->data);
}

failure send(int channel, const wire::netd_message& what) {
  const auto packet = wire::encode(what);
  if (packet.empty()) return install_failure{"plan", E2BIG, "the listeners and their captures are too many for one plan; use fewer, wider networks"};
  if (!send_packet(channel, packet)) return lost();
  return std::nullopt;
}

}  // namespace

netd_client::netd_client(io::descriptor channel) : channel_{std::move(channel)} {
  ::setsockopt(channel_.get(), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout, sizeof(answer_timeout));
}

boost::system::result<installation, install_failure> netd_client::install(const plan& wanted) {
  if (auto no = send(channel_.get(), to_message(wanted, true))) return *no;
  installation out;
  for (const auto& l : wanted.listeners) {
    if (auto no = take_listener(out.listeners.emplace_back(), mechanism_of(l), wanted.workers)) return *no;
  }
  if (auto no = take_end()) return *no;
  if (auto no = ask_for_processes(out)) return *no;
  if (std::ranges::any_of(wanted.listeners, &listener_config::original_source)) {
    if (auto no = ask_for_sockets(out)) return *no;
  }
  return out;
}

failure netd_client::ask_for_processes(installation& into) {
  auto [ours, theirs] = make_packet_channel();
  const int beside[] = {theirs.get()};
  if (!ours || !send_packet(channel_.get(), wire::encode(wire::netd_answer_processes{}), beside)) return lost();
  into.processes = std::move(ours);
  return take_end();
}

failure netd_client::ask_for_sockets(installation& into) {
  auto [ours_v4, theirs_v4] = make_packet_channel();
  auto [ours_v6, theirs_v6] = make_packet_channel();
  const int beside[] = {theirs_v4.get(), theirs_v6.get()};
  if (!ours_v4 || !ours_v6 || !send_packet(channel_.get(), wire::encode(wire::netd_lend_sockets{}), beside)) return lost();
  into.sources = {std::move(ours_v4), std::move(ours_v6)};
  return take_end();
}

std::optional<install_failure> netd_client::replace(const plan& wanted) {
  if (auto no = send(channel_.get(), to_message(wanted, false))) return no;
  return take_end();
}

void netd_client::remove() noexcept {
  if (std::exchange(removed_, true)) return;
  if (!send(channel_.get(), wire::netd_withdraw{})) (void)take_end();
}

std::vector<io::opened_file> netd_client::config_files() {
  if (send(channel_.get(), wire::netd_open_files{})) return {};
  std::vector<io::opened_file> out;
  for (;;) {
    std::vector<io::descriptor> beside;
    const auto message = receive(channel_.get(), beside);
    const auto* one = message ? std::get_if<wire::netd_file>(&*message) : nullptr;
    // Its end, or something that is none of this answer.
    if (one == nullptr || out.size() == wire::netd_files_max || (one->system_errno == 0) != (beside.size() == 1)) return out;
    out.push_back({one->path, one->system_errno, beside.empty() ? io::descriptor{} : std::move(beside.front())});
  }
}

failure netd_client::take_listener(opened_listener& into, std::optional<core::mechanism> by, std::uint32_t workers) {
  std::vector<io::descriptor> beside;
  const auto message = receive(channel_.get(), beside);
  if (!message) return lost();
  if (const auto* no = std::get_if<wire::netd_refusal>(&*message)) return to_failure(*no);
  const auto* opened = std::get_if<wire::netd_opened>(&*message);
  const auto fits = [workers](std::uint32_t count) { return count == 0 || count == workers; };
  if (opened == nullptr || opened->v4 + opened->v6 + (opened->origins ? 2 : 0) != beside.size() || !fits(opened->v4) ||
      !fits(opened->v6) || beside.empty() || (by && opened->v4 == 0) || opened->origins != (by == core::mechanism::cgroup)) {
    return install_failure{"netd", EPROTO, "the privileged process handed out something else than was asked for"};
  }
  const auto end_of_v4 = beside.begin() + opened->v4;
  into.v4.assign(std::make_move_iterator(beside.begin()), std::make_move_iterator(end_of_v4));
  const auto end_of_v6 = end_of_v4 + opened->v6;
  into.v6.assign(std::make_move_iterator(end_of_v4), std::make_move_iterator(end_of_v6));
  if (!opened->origins) return std::nullopt;
  into.exe_paths = std::move(beside.back());
  into.origins = std::move(*std::prev(beside.end(), 2));
  return std::nullopt;
}

failure netd_client::take_end() {
  std::vector<io::descriptor> beside;
  const auto message = receive(channel_.get(), beside);
  if (!message) return lost();
  if (const auto* no = std::get_if<wire::netd_refusal>(&*message)) return to_failure(*no);
  if (!std::holds_alternative<wire::netd_done>(*message)) return lost();
  return std::nullopt;
}

}  // namespace omnilink::interceptor
