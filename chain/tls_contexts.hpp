// The TLS side of every hop that has one, made once at start so that a missing CA file is an error then and not later.
#pragma once

#include <boost/system/result.hpp>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "chain/chain.hpp"
#include "io/tls.hpp"

namespace omnilink::chain {

class tls_contexts {
 public:
  /// The chains must outlive the result: a hop is known by its place. The error names the hop and the file.
  static boost::system::result<tls_contexts, std::string> load(const std::vector<chain>& chains);
  /// For a hop of those chains with TLS.
  const io::tls_context& of(const hop& which) const { return *contexts_.at(&which); }
  /// One line each: what can be used and yet will hardly do.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  std::unordered_map<const hop*, std::unique_ptr<io::tls_context>> contexts_;
  std::vector<std::string> warnings_;
};

}  // namespace omnilink::chain
