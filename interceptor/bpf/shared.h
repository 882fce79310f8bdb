// What all programs in the kernel and those that load them know. C, for the one and the other.
#pragma once

#include <linux/types.h>

// Addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d.

// The key of a map of networks.
struct omnilink_network {
  __u32 prefix;
  __u32 address[4];
};

// Where a connection comes from, as the accepting socket sees its peer.
struct omnilink_source {
  __u32 address[4];
  __u32 port;  // host order
};
