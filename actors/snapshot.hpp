// What a configuration becomes when it is put to use: an immutable value (invariant 6). A reload makes another one; a connection
// keeps the one that it began with.
#pragma once

#include <boost/system/result.hpp>
#include <memory>
#include <string>

#include "actors/configuration.hpp"
#include "chain/route.hpp"
#include "chain/tls_contexts.hpp"

namespace omnilink::actors {

struct snapshot {
  /// The error is one line: a hop's certificate file that cannot be used.
  static boost::system::result<std::shared_ptr<const snapshot>, std::string> make(configuration wanted);

  explicit snapshot(configuration wanted) : config{std::move(wanted)}, router{config.chains, config.host_loopback_ports} {}
  snapshot(const snapshot&) = delete;
  snapshot& operator=(const snapshot&) = delete;

  const configuration config;
  const chain::router router;  ///< over config's chains
  chain::tls_contexts tls;     ///< of config's hops; complete once made
};

using snapshot_ptr = std::shared_ptr<const snapshot>;

}  // namespace omnilink::actors
