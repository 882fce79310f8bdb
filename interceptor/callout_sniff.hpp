// `sniff`: the name that the client's first bytes tell, TLS SNI or HTTP Host, of a connection that asks for an address. It is kept
// with the flow, for whoever names the target to the last hop; no filter is ever asked about it, since the client may say any name
// it likes (A7).
#pragma once

#include "interceptor/callouts.hpp"

namespace omnilink::interceptor {

class callout_sniff final : public filter::callout {
 public:
  explicit callout_sniff(const sniff_settings& settings) : settings_{settings} {}

  void classify(const filter::values& known, const filter::metadata& about, filter::layer_data data, const filter::filter& by,
                std::uint64_t context, filter::classify_out& out) override;

 private:
  const sniff_settings settings_;
};

}  // namespace omnilink::interceptor
