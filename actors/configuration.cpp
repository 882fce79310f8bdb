#include "actors/configuration.hpp"

#include "actors/limits.hpp"

namespace omnilink::actors {
namespace {

using namespace std::chrono_literals;

std::string outside(const char* key, core::nanoseconds value, core::nanoseconds least, core::nanoseconds most, const char* range) {
  return value < least || value > most ? std::string{key} + " must be " + range : std::string{};
}

}  // namespace

std::string service_settings::validate() const {
  if (workers > workers_max) return "workers must be 0 (one per core) to 64";
  if (max_connections > 1048576) return "max_connections must be 1 to 1048576, or 0 for 10000 or what the limit of descriptors allows";
  if (auto e = outside("idle_timeout", idle_timeout, 1s, 720h, "1s to 720h"); !e.empty()) return e;
  if (auto e = outside("half_close_timeout", half_close_timeout, 1s, 720h, "1s to 720h"); !e.empty()) return e;
  if (auto e = outside("drain_timeout", drain_timeout, 0s, 24h, "0s to 24h"); !e.empty()) return e;
  return outside("handshake_timeout", handshake_timeout, 100ms, 10min, "100ms to 10m");
}

}  // namespace omnilink::actors
