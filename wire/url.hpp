// The URLs that the user types for hops and listeners: scheme://[user[:password]@]host[:port][?key=value&…].
// Taken apart and decoded here; what a scheme or a key means is decided by who asked.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/secret.hpp"

namespace omnilink::wire {

/// A long path or two and a pin fit; nobody types more.
inline constexpr std::size_t url_max = 2048;
inline constexpr std::size_t url_parameters_max = 16;

struct url {
  struct parameter {
    std::string key;
    std::string value;  ///< decoded, not empty
  };

  std::string scheme;                 ///< lower case, not empty
  std::string user;                   ///< decoded; empty: none
  core::secret password;              ///< decoded; empty: none
  std::string host;                   ///< a host name or an address without brackets; empty: none was written
  std::optional<std::uint16_t> port;  ///< 0 is let through, for listeners
  std::vector<parameter> parameters;  ///< keys are unique

  /// The parameter's value; nullptr: it is not there.
  const std::string* find(std::string_view key) const noexcept;
};

/// User, password and parameter values are percent-decoded. The error is one line without a place; it shows
/// nothing of what stands between scheme and query, since a password may hide in it wherever a mistake was
/// made.
boost::system::result<url, std::string> parse_url(std::string_view text);

}  // namespace omnilink::wire
