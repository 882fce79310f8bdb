// One running connection, as `omnilink connections` shows it.
#pragma once

#include <cstdint>
#include <string>

#include "core/clock.hpp"
#include "core/endpoint.hpp"
#include "core/program.hpp"

namespace omnilink::actors {

struct connection_info {
  std::uint64_t id = 0;
  core::endpoint source;        ///< the program's side, as the listener sees it
  core::target original;        ///< where it wanted to go
  std::string chain;
  core::program_ptr program;    ///< who opened it, where somebody asked; may be null
  const char* phase = "";       ///< "handshake", "dial", "relay", "idle"
  std::uint64_t bytes_up = 0;   ///< from the program
  std::uint64_t bytes_down = 0;
  core::instant begun{};
};

}  // namespace omnilink::actors
