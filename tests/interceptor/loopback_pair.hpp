// A TCP connection over this machine's loopback, both of its ends in the test's hands.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <stdexcept>

#include "core/endpoint.hpp"
#include "io/accept.hpp"
#include "io/address.hpp"
#include "io/descriptor.hpp"

namespace omnilink::interceptor {

struct loopback_pair {
  io::descriptor listener, client, accepted;

  /// `listen_on` and `dial` differ for an IPv4 client of an IPv6 socket.
  loopback_pair(const char* listen_on, const char* dial) {
    sockaddr_storage where;
    socklen_t size = io::to_sockaddr({*core::address::parse(listen_on), 0}, where);
    listener = io::descriptor{::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    check(::bind(listener.get(), reinterpret_cast<sockaddr*>(&where), size) == 0 &&
          ::listen(listener.get(), 1) == 0);
    size = io::to_sockaddr({*core::address::parse(dial), io::bound_address(listener.get()).port}, where);
    client = io::descriptor{::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    check(::connect(client.get(), reinterpret_cast<sockaddr*>(&where), size) == 0);
    accepted = io::descriptor{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    check(static_cast<bool>(accepted));
  }

 private:
  static void check(bool fine) {
    if (!fine) throw std::runtime_error{"no loopback connection"};
  }
};

}  // namespace omnilink::interceptor
