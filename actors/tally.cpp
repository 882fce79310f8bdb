#include "actors/tally.hpp"

namespace omnilink::actors {
namespace {

void add_if_any(histogram<step_bounds>& to, core::nanoseconds value) noexcept {
  if (value.count() != 0) to.add(value);
}

}  // namespace

chain_tally& chain_tally::operator+=(const chain_tally& more) noexcept {
  for (std::size_t code = 0; code < codes; ++code) {
    for (std::size_t step = 0; step < steps; ++step) finished[code][step] += more.finished[code][step];
  }
  up += more.up;
  down += more.down;
  dial += more.dial;
  life += more.life;
  return *this;
}

hop_tally& hop_tally::operator+=(const hop_tally& more) noexcept {
  connect += more.connect;
  tls += more.tls;
  request += more.request;
  return *this;
}

void tally::make_room(std::size_t chain_numbers, std::size_t hop_numbers) {
  chains.resize(std::max(chains.size(), chain_numbers));
  hops.resize(std::max(hops.size(), hop_numbers));
}

void tally::ended(const way_numbers& way, const trip_report& trip) noexcept {
  chain_tally& c = chains[way.chain];
  ++c.finished[static_cast<std::size_t>(trip.verdict.code)][static_cast<std::size_t>(trip.verdict.step)];
  c.up += trip.bytes_up;
  c.down += trip.bytes_down;
  c.life.add(trip.duration);
  core::nanoseconds dialling{0};
  for (std::size_t i = 0; i < trip.hop_times.size(); ++i) {
    const chain::hop_time& took = trip.hop_times[i];
    dialling += took.total;
    if (i >= way.hops.size()) continue;
    hop_tally& h = hops[way.hops[i]];
    add_if_any(h.connect, took.connect);
    add_if_any(h.tls, took.tls);
    add_if_any(h.request, took.request);
  }
  const bool dialled = trip.verdict.ok() || trip.verdict.step == core::step::relay;
  if (dialled && !trip.hop_times.empty()) c.dial.add(dialling);
}

tally& tally::operator+=(const tally& more) {
  add(accepted, more.accepted);
  accept_pauses += more.accept_pauses;
  add(chains, more.chains);
  add(hops, more.hops);
  return *this;
}

}  // namespace omnilink::actors
