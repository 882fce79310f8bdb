// Where the time of one hop's part of a dial went.
#pragma once

#include "core/clock.hpp"

namespace omnilink::chain {

struct hop_time {
  core::nanoseconds total{0};  ///< resolving, connecting, TLS and handshake
  // Of that; 0: the step did not happen.
  core::nanoseconds connect{0};
  core::nanoseconds tls{0};
  core::nanoseconds request{0};  ///< login included, and the hop's own way to the next address
};

}  // namespace omnilink::chain
