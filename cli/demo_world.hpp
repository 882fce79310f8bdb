// The demo's little Internet, in a process of its own: an origin, and three hops of three kinds in front of it, the last
// one behind TLS. Only the last hop knows the origin's name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/descriptor.hpp"

namespace omnilink::cli {

/// Known to nobody but the demo's last hop (RFC 2606 section 3).
inline constexpr const char* demo_origin_name = "origin.example";
inline constexpr std::uint16_t demo_origin_port = 80;

class demo_world {
 public:
  /// Forks the process; call it before any thread exists. nullopt: errno says why.
  static std::optional<demo_world> start();
  demo_world(demo_world&& other) noexcept;
  ~demo_world();

  std::uint16_t socks5_port = 0;
  std::uint16_t http_port = 0;
  std::uint16_t https_port = 0;
  std::string ca_file;  ///< PEM, of the https hop's certificate for "localhost"; removed with the world

  /// What the hops and the origin saw since the last call, one line each, in the order of the trip.
  std::string seen();

 private:
  demo_world() = default;
  io::descriptor events_;
  io::descriptor life_;  // the process ends when this end of the pipe is closed
  int pid_ = -1;
};

}  // namespace omnilink::cli
