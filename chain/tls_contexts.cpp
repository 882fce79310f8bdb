#include "chain/tls_contexts.hpp"

#include "core/nearest_word.hpp"

namespace omnilink::chain {

boost::system::result<tls_contexts, std::string> tls_contexts::load(const std::vector<chain>& chains) {
  tls_contexts out;
  for (const chain& c : chains) {
    for (const hop& h : c.hops) {
      if (!h.tls) continue;
      const std::string named = "hop " + core::quoted(h.name) + ": ";
      auto context = io::tls_context::client(*h.tls);
      if (context.has_error()) return named + context.error();
      if (const std::string& doubt = (*context)->warning(); !doubt.empty()) out.warnings_.push_back(named + doubt);
      out.contexts_.emplace(&h, std::move(*context));
    }
  }
  return out;
}

}  // namespace omnilink::chain
