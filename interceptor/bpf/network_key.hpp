// Addresses and networks as the programs' maps have them.
#pragma once

#include "core/cidr.hpp"
#include "interceptor/bpf/shared.h"

namespace omnilink::interceptor::bpf {

void put(const core::address& from, __u32 (&into)[4]);

omnilink_network key_of(const core::cidr& network);
/// Of that one address.
omnilink_network key_of(const core::address& one);

}  // namespace omnilink::interceptor::bpf
