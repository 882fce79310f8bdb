// How connections come to the floor, and the way they go from there.
#pragma once

#include <string>
#include <vector>

#include "bench/net.hpp"

namespace omnilink::bench {

enum class arrival : std::uint8_t {
  socks5,    ///< a SOCKS5 client says where to
  http,      ///< an HTTP client does, with CONNECT
  redirect,  ///< the kernel does, which has translated the address
  tproxy,    ///< the kernel does: it is the accepted socket's own
  pass,      ///< always to the same place
};

struct hop {
  arrival asked_by;  ///< socks5 or http
  bool tls;
  sockaddr_in where;
};

struct way {
  arrival in;
  sockaddr_in to{};  ///< of pass
  std::vector<hop> hops{};
  std::string authority{};  ///< a file, PEM: who vouches for hops with TLS
};

}  // namespace omnilink::bench
