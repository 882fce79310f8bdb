#include "chain/tls_contexts.hpp"

namespace omnilink::chain {

boost::system::result<tls_contexts, std::string> tls_contexts::load(const std::vector<chain>& chains) {
  tls_contexts out;
  for (const chain& c : chains) {
    for (const hop& h : c.hops) {
      if (!h.tls.enabled) continue;
      const std::string name = h.tls.sni.empty() ? h.where.host() : h.tls.sni;
      auto context = io::tls_context::client(name, h.tls.ca_file);
      if (context.has_error()) return "hop \"" + h.name + "\": " + context.error();
      out.contexts_.emplace(&h, std::move(*context));
    }
  }
  return out;
}

}  // namespace omnilink::chain
