// What tells one intercepted flow from every other, and which worker it belongs to.
#pragma once

#include <compare>
#include <cstdint>

#include "core/endpoint.hpp"

namespace omnilink::core {

enum class protocol : std::uint8_t { tcp = 6, udp = 17 };  // IANA protocol numbers

/// The full key: two flows may share a source port, a source address, and even both towards two listeners.
struct flow_key {
  core::protocol protocol = core::protocol::tcp;
  endpoint source;             ///< as the accepting socket sees its peer
  endpoint local;              ///< the accepting socket's own address
  std::uint64_t netns = 0;     ///< the network namespace's cookie; 0: the one that omnilink was started in
  friend auto operator<=>(const flow_key&, const flow_key&) = default;
};

/// The worker, and so the NAT shard, of a flow: used by the listener's steering program, nat/ and the query endpoint.
/// A bare modulo would send every local connection to worker 0, since connect() takes even ports first.
constexpr std::uint32_t shard_of(std::uint16_t source_port, std::uint32_t workers) noexcept {
  return (std::uint32_t{source_port} * 2654435769u >> 16) % workers;
}

}  // namespace omnilink::core

template <>
struct std::hash<omnilink::core::flow_key> {
  std::size_t operator()(const omnilink::core::flow_key& k) const noexcept {
    const std::hash<omnilink::core::endpoint> h;
    std::size_t out = h(k.source) * 0x9e3779b97f4a7c15ull ^ h(k.local);
    out ^= (k.netns + static_cast<std::size_t>(k.protocol)) * 0xff51afd7ed558ccdull;
    return out ^ (out >> 31);
  }
};
