// `exec --loopback host:3000,5432`: which ports of CMD's private loopback are the host's.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omnilink::cli {

/// Each is a rule in the sandbox; a plan has room for this many.
inline constexpr std::size_t loopback_ports_max = 64;

/// "inside": none. The error is one line.
boost::system::result<std::vector<std::uint16_t>, std::string> parse_loopback(std::string_view text);

}  // namespace omnilink::cli
