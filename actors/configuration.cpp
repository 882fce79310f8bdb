#include "actors/configuration.hpp"

#include <algorithm>

#include "actors/limits.hpp"

namespace omnilink::actors {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t handshakes_least = 256;       // fewer would drop a browser's ordinary burst
constexpr std::uint32_t handshakes_of_source = 64;    // a browser with many tabs behind one address
constexpr std::uint64_t memory_least = 32ull << 20;   // the program itself needs half of it
constexpr std::uint32_t connections_most = 1u << 20;

std::string outside(const char* key, core::nanoseconds value, core::nanoseconds least, core::nanoseconds most, const char* range) {
  return value < least || value > most ? std::string{key} + " must be " + range : std::string{};
}

}  // namespace

std::string service_settings::validate() const {
  if (workers > workers_max) return "workers must be 0 (one per core) to 64";
  if (max_connections > connections_most) return "max_connections must be 1 to 1048576, or 0 for 10000 or what the limit of descriptors allows";
  if (auto e = outside("idle_timeout", idle_timeout, 1s, 720h, "1s to 720h"); !e.empty()) return e;
  if (auto e = outside("half_close_timeout", half_close_timeout, 1s, 720h, "1s to 720h"); !e.empty()) return e;
  if (auto e = outside("drain_timeout", drain_timeout, 0s, 24h, "0s to 24h"); !e.empty()) return e;
  const struct {
    const char* key;
    std::uint32_t value;
  } counts[] = {{"max_connections_per_source", max_connections_per_source},
                {"max_handshakes", max_handshakes},
                {"max_handshakes_per_source", max_handshakes_per_source}};
  for (const auto& [key, value] : counts) {
    if (value > connections_most) return std::string{key} + " must be 0 (the default) to 1048576";
  }
  if (memory_max && *memory_max != 0 && *memory_max < memory_least) return "memory_max must be 32MiB or more, or 0 for no limit";
  return outside("handshake_timeout", handshake_timeout, 100ms, 10min, "100ms to 10m");
}

std::uint32_t service_settings::handshakes() const noexcept {
  return max_handshakes != 0 ? max_handshakes : std::max(max_connections / 2, handshakes_least);
}

std::uint32_t service_settings::handshakes_of(const core::address& source) const noexcept {
  if (max_handshakes_per_source != 0) return max_handshakes_per_source;
  return source.is_loopback() ? 0 : handshakes_of_source;
}

}  // namespace omnilink::actors
