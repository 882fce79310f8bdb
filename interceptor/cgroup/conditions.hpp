// The conditions of one capture, as its programs have them: constants until they are loaded, maps afterwards.
#pragma once

#include <optional>

#include "core/capture.hpp"
#include "interceptor/cgroup/hooks.hpp"

struct connect_programs;  // of bpftool's skeleton

namespace omnilink::interceptor::cgroup {

void set_constants(const core::capture& what, connect_programs& into);

std::optional<failure> fill_maps(const core::capture& what, const connect_programs& into);

/// Where no network is named, this machine's own addresses are not meant: its loopback services would be cut off. Does nothing
/// where one is named. One that the machine had and has no more stays until the next reload.
void fill_own_addresses(const core::capture& what, const connect_programs& into);

}  // namespace omnilink::interceptor::cgroup
