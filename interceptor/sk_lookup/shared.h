// What the program in the kernel and those that load it both know. C, for the one and the other.
#pragma once

#include "interceptor/bpf/shared.h"

// Which kinds of conditions a capture has.
enum omnilink_arrival_conditions {
  OMNILINK_ARRIVAL_PORTS = 1,
  OMNILINK_ARRIVAL_NETWORKS = 2,
  OMNILINK_ARRIVAL_SOURCES = 4,
  OMNILINK_ARRIVAL_LISTED = 8,  // the port is one of `listened`; local clients are meant, too, but for those in `onward`
};

// A listener has a socket for each family, or none.
enum omnilink_family { OMNILINK_V4, OMNILINK_V6, OMNILINK_FAMILIES };

#define OMNILINK_OWN_ADDRESSES 4096

struct omnilink_arrivals {
  __u32 conditions;
  __u32 closed;                     // nobody serves it: refused; else it goes to the service as it would without us
  __u32 served[OMNILINK_FAMILIES];  // what the listener has no socket for is refused
};
