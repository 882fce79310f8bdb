// What became of one connection: the access line, exec's stderr and the demo are made from it.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "chain/hop_time.hpp"
#include "core/clock.hpp"
#include "core/endpoint.hpp"
#include "core/program.hpp"
#include "core/verdict.hpp"

namespace omnilink::actors {

struct trip_report {
  std::uint64_t id;
  core::endpoint source;
  std::string user;          ///< who logged in at the listener; empty: nobody had to
  core::target original;     ///< the name where it is known; port 0: the client never said
  core::address dialled;     ///< the address that the program dialled
  std::string chain;
  std::string rule;          ///< those that decided, as "port 80, ads"; empty: there are none, or none met
  core::program_ptr program; ///< who opened it, where somebody asked; may be null
  std::string sniffed;       ///< the name that the client's first bytes told, whether or not it was used
  std::vector<std::string> tags;  ///< that filters put on it
  boost::container::small_vector<chain::hop_time, 4> hop_times;
  std::uint64_t bytes_up;
  std::uint64_t bytes_down;
  core::nanoseconds duration;
  core::verdict verdict;
};

/// `example.org:443: hop 1 (edge): tls: …`: one plain line for people.
std::string failure_line(const trip_report& trip);

}  // namespace omnilink::actors
