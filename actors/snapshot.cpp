#include "actors/snapshot.hpp"

#include "io/log.hpp"

namespace omnilink::actors {
namespace {

std::vector<std::string> names_of(const std::vector<interceptor::listener_config>& listeners) {
  std::vector<std::string> out;
  for (const auto& one : listeners) out.push_back(one.to_string());
  return out;
}

}  // namespace

snapshot::snapshot(configuration wanted)
    : config{std::move(wanted)}, router{config.chains, config.host_loopback_ports}, listener_names{names_of(config.listeners)} {}

boost::system::result<snapshot_ptr, std::string> snapshot::make(configuration wanted, numbering& numbers) {
  auto out = std::make_shared<snapshot>(std::move(wanted));
  auto loaded = chain::tls_contexts::load(out->config.chains);
  if (loaded.has_error()) return {boost::system::in_place_error, loaded.error()};
  out->tls = std::move(*loaded);
  for (const auto& line : out->tls.warnings()) io::log::line(io::log::level::warn, "hop-warning", {{"meaning", line}});
  for (const chain::chain& way : out->config.chains) out->ways_.emplace(&way, numbers.of(way));
  out->chain_numbers = numbers.chains().size();
  out->hop_numbers = numbers.hops().size();
  return {boost::system::in_place_value, std::move(out)};
}

const way_numbers& snapshot::numbers_of(const chain::chain& way) const noexcept {
  static const way_numbers direct{numbering::direct, {}}, reject{numbering::reject, {}};
  if (const auto found = ways_.find(&way); found != ways_.end()) return found->second;
  return way.is_reject() ? reject : direct;  // the router's own
}

}  // namespace omnilink::actors
