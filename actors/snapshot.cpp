#include "actors/snapshot.hpp"

#include "io/log.hpp"

namespace omnilink::actors {

boost::system::result<snapshot_ptr, std::string> snapshot::make(configuration wanted) {
  auto out = std::make_shared<snapshot>(std::move(wanted));
  auto loaded = chain::tls_contexts::load(out->config.chains);
  if (loaded.has_error()) return {boost::system::in_place_error, loaded.error()};
  out->tls = std::move(*loaded);
  for (const auto& line : out->tls.warnings()) io::log::line(io::log::level::warn, "hop-warning", {{"meaning", line}});
  return {boost::system::in_place_value, std::move(out)};
}

}  // namespace omnilink::actors
