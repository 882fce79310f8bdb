// A capture's conditions as the user writes them, in a listen URL or in the configuration file.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "core/capture.hpp"

namespace omnilink::interceptor {

/// The keys of `capture`; exe and cgroup are known, and refused with what to use instead.
inline constexpr std::array<std::string_view, 8> capture_keys{"direction", "port", "cidr", "uid", "gid", "iface", "exe", "cgroup"};

/// Adds one value: a port or range, a network or address, a user's or group's name or number, an interface, or sets the
/// direction. `key` is one of capture_keys. Empty: done; otherwise what is wrong, in one line.
std::string add_capture_word(std::string_view key, std::string_view word, core::capture& into);

}  // namespace omnilink::interceptor
