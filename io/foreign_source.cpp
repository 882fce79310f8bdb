#include "io/foreign_source.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <random>

#include "io/address.hpp"

namespace omnilink::io {
namespace {

// Below net.ipv4.ip_local_port_range.
constexpr std::uint16_t first_port = 10240, last_port = 32767;
// Of a client that has half of them in use, one in 65536 connections fails.
constexpr int attempts = 16;

}  // namespace

int bind_foreign(int socket, const core::address& source) noexcept {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::uint16_t> port{first_port, last_port};
  for (int i = 0; i < attempts; ++i) {
    sockaddr_storage name;
    const socklen_t size = to_sockaddr({source, port(random)}, name);
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&name), size) == 0) return 0;
    if (errno != EADDRINUSE) return errno;
  }
  return EADDRINUSE;
}

}  // namespace omnilink::io
