// Small numbers for the chains and hops of every configuration of one run: what is counted for them lies in arrays that a
// reload leaves alone, and a hop that comes back with the same name and address is the same hop. On control, but for the
// numbers themselves, which a snapshot carries.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "chain/chain.hpp"

namespace omnilink::actors {

/// Of one chain.
struct way_numbers {
  std::uint16_t chain = 0;
  boost::container::small_vector<std::uint16_t, 4> hops;  ///< of its proxies, in order
};

class numbering {
 public:
  /// Chains, and hops, that get a number of their own: beyond that, which takes many reloads, all share one, "other".
  static constexpr std::size_t names_max = 256;

  struct hop_name {
    std::string name;
    std::string url;  ///< without credentials
  };

  numbering();
  way_numbers of(const chain::chain& way);
  const std::vector<std::string>& chains() const noexcept { return chains_; }
  const std::vector<hop_name>& hops() const noexcept { return hops_; }

  // Always there.
  static constexpr std::uint16_t no_chain = 0;  ///< the client never came so far; its name is empty
  static constexpr std::uint16_t direct = 1;
  static constexpr std::uint16_t reject = 2;
  static constexpr std::uint16_t other = 3;  ///< of hops: 0

 private:
  std::uint16_t chain_number(const std::string& name);
  std::uint16_t hop_number(const chain::hop& which);

  std::vector<std::string> chains_;
  std::vector<hop_name> hops_;
  std::unordered_map<std::string, std::uint16_t> known_chains_;
  std::unordered_map<std::string, std::uint16_t> known_hops_;
};

}  // namespace omnilink::actors
