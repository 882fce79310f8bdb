#include "actors/source_counts.hpp"

#include <random>
#include <utility>

namespace omnilink::actors {
namespace {

std::uint64_t random_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

template <class Array, std::size_t... I, class Value>
Array filled(std::index_sequence<I...>, const Value& value) {
  return {(static_cast<void>(I), typename Array::value_type{value})...};
}

}  // namespace

source_counts::source_counts()
    : hash_{random_seed()}, all_{filled<decltype(all_)>(std::make_index_sequence<parts>{}, random_seed())} {}

// An IPv4 address is where no /64 of IPv6 is in use (RFC 4291: ::/8 is reserved).
source_counts::key source_counts::key_of(const core::address& source) noexcept {
  const core::address plain = source.unmapped();
  const auto v4 = plain.to_v4();
  const auto v6 = plain.to_v6();
  key out = 0;
  for (std::size_t i = 0; i < (plain.is_v6() ? 8 : v4.size()); ++i) out = out << 8 | (plain.is_v6() ? v6[i] : v4[i]);
  return out;
}

// The end of splitmix64.
std::size_t source_counts::hash::operator()(key source) const noexcept {
  std::uint64_t x = source ^ seed;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

source_counts::outcome source_counts::take(key source, counts more, counts most) {
  part& here = part_of(source);
  const std::lock_guard lock{here.mutex};
  const auto [at, fresh] = here.of.try_emplace(source);
  counts& now = at->second;
  const bool many = now.connections + more.connections > most.connections;
  if (many || now.handshakes + more.handshakes > most.handshakes) {
    if (fresh) here.of.erase(at);
    return many ? outcome::too_many_connections : outcome::too_many_handshakes;
  }
  now.connections += more.connections;
  now.handshakes += more.handshakes;
  return outcome::taken;
}

void source_counts::give_back(key source, counts less) noexcept {
  part& here = part_of(source);
  const std::lock_guard lock{here.mutex};
  const auto at = here.of.find(source);
  if (at == here.of.end()) return;
  at->second.connections -= less.connections;
  at->second.handshakes -= less.handshakes;
  if (at->second.connections == 0 && at->second.handshakes == 0) here.of.erase(at);
}

std::size_t source_counts::sources() const {
  std::size_t count = 0;
  for (const part& one : all_) {
    const std::lock_guard lock{one.mutex};
    count += one.of.size();
  }
  return count;
}

}  // namespace omnilink::actors
