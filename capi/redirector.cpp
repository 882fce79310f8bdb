// The five calls.
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "capi/boundary.hpp"
#include "capi/omnilink.h"
#include "core/cidr.hpp"

namespace omnilink::capi {
namespace {

constexpr std::uint32_t done = 1, failed = 0;
constexpr std::uint32_t highest_port = 65535;

std::uint32_t refuse(std::string why) {
  of_process().remember(std::move(why));
  return failed;
}

std::uint32_t start(std::uint32_t client, std::uint32_t agent, std::uint32_t port, std::uint32_t incoming) {
  if (client == 0 || agent == 0) return refuse("client_pid and agent_pid: 0 is no process");
  if (port == 0 || port > highest_port) return refuse("proxy_port: " + std::to_string(port) + " is no port, 1 to 65535");
  if (incoming > highest_port) return refuse("incoming_proxy: " + std::to_string(incoming) + " is no port, 1 to 65535, nor 0 for none");
  interceptor::cgroup::borrowed_listener wanted;
  wanted.what.pids = {client};
  wanted.what.networks = {*core::cidr::parse("::/0")};  // IPv4 too, and this machine's own
  wanted.port = static_cast<std::uint16_t>(port);
  wanted.agent = agent;
  wanted.incoming = static_cast<std::uint16_t>(incoming);
  if (auto no = of_process().start(wanted)) return refuse(std::move(no->text));
  return done;
}

WinDest destination(std::uint32_t port) {
  WinDest out{};
  if (port == 0 || port > highest_port) return out;
  const auto known = of_process().from_port(static_cast<std::uint16_t>(port));
  if (known.has_error()) {
    of_process().remember(known.error().text);
    return out;
  }
  if (known->what != wire::nat_answer::status::live && known->what != wire::nat_answer::status::closed) return out;
  char* host = ::strdup(known->original.host().c_str());
  char* version = ::strdup(known->original.address.is_v6() ? "6" : "4");
  if (host == nullptr || version == nullptr) {
    std::free(host);
    std::free(version);
    return out;
  }
  return {host, known->original.port, version};
}

}  // namespace

interception& of_process() {
  static interception& one = *new interception{std::string{}, true};
  return one;
}

}  // namespace omnilink::capi

using namespace omnilink::capi;

extern "C" {

uint32_t start_redirector(uint32_t client_pid, uint32_t agent_pid, uint32_t proxy_port, uint32_t incoming_proxy) {
  return guarded(of_process(), failed, [&] { return start(client_pid, agent_pid, proxy_port, incoming_proxy); });
}

uint32_t stop_redirector(void) {
  of_process().stop();
  return done;
}

WinDest get_destination(uint32_t src_port) {
  return guarded(of_process(), WinDest{}, [&] { return destination(src_port); });
}

uint32_t delete_destination(uint32_t src_port) {
  if (src_port == 0 || src_port > highest_port) return failed;
  return guarded(of_process(), failed, [&] {
    return of_process().forget(static_cast<std::uint16_t>(src_port)) ? done : failed;
  });
}

void free_windest(WinDest dest) {
  std::free(dest.host);
  std::free(dest.version);
}

}  // extern "C"
