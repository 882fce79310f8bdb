// What a configuration becomes when it is put to use: an immutable value (invariant 6). A reload makes another one; a connection
// keeps the one that it began with.
#pragma once

#include <boost/system/result.hpp>
#include <memory>
#include <string>
#include <unordered_map>

#include "actors/configuration.hpp"
#include "actors/numbering.hpp"
#include "chain/route.hpp"
#include "chain/tls_contexts.hpp"

namespace omnilink::actors {

struct snapshot {
  /// The error is one line: a hop's certificate file that cannot be used.
  static boost::system::result<std::shared_ptr<const snapshot>, std::string> make(configuration wanted, numbering& numbers);

  explicit snapshot(configuration wanted);
  snapshot(const snapshot&) = delete;
  snapshot& operator=(const snapshot&) = delete;

  const configuration config;
  const chain::router router;  ///< over config's chains
  const std::vector<std::string> listener_names;  ///< as rules match them
  chain::tls_contexts tls;     ///< of config's hops; complete once made
  std::size_t chain_numbers = 0;  ///< those in use are smaller, as are …
  std::size_t hop_numbers = 0;

  /// Of a chain of the router's.
  const way_numbers& numbers_of(const chain::chain& way) const noexcept;

 private:
  std::unordered_map<const chain::chain*, way_numbers> ways_;  // config's chains, known by their place
};

using snapshot_ptr = std::shared_ptr<const snapshot>;

}  // namespace omnilink::actors
