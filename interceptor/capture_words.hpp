// A capture's conditions as the user writes them, in a listen URL or in the configuration file.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "core/capture.hpp"

namespace omnilink::interceptor {

/// The keys of `capture`; those from exe on are a cgroup listener's.
inline constexpr std::array<std::string_view, 14> capture_keys{"direction", "port", "cidr", "source", "uid", "gid", "cgroup", "iface", "mark",
                                                               "exe", "process", "pid", "deny", "rewrite"};

/// Adds one value: a port or range, a network or address, a user's or group's name or number, an interface, a firewall mark, a
/// program's path, name or number, two ports "80:8080"; or sets the direction, the cgroup, the errno. `key` is one of capture_keys.
/// Empty: done; otherwise what is wrong, in one line.
std::string add_capture_word(std::string_view key, std::string_view word, core::capture& into);

}  // namespace omnilink::interceptor
