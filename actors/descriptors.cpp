#include "actors/descriptors.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/descriptor_limit.hpp"
#include "io/log.hpp"

namespace omnilink::actors {
namespace {

constexpr std::uint64_t per_connection = 2;  // the client's socket and the one to hop 0, or to the target
constexpr std::uint64_t per_worker = 3;      // Asio's epoll, timer and wake-up
constexpr std::uint64_t per_listener = 2;    // on each worker: both families
// Control's own io_context and sockets, the name server of a sandbox and its clients; more askers wait in their queue.
constexpr std::uint64_t of_control = 32;
// 64 pipes of the relay, over all workers: as many as the kernel lets an ordinary user have at 1 MiB each (pipe(7),
// pipe-user-pages-soft). More come out of what connections leave over; what gets no pipe is copied.
constexpr std::uint64_t of_pipes = 128;

std::uint64_t beside_connections(const descriptor_use& of) noexcept {
  return of.inherited + of.workers * (per_worker + of.listeners * per_listener) + of_control + of_pipes +
         static_cast<std::uint64_t>(io::descriptor_reserve);
}

std::string remedy(std::uint64_t need) {
  return fmt::format("raise the hard limit to {0} (ulimit -Hn {0}; systemd: LimitNOFILE={0})", need);
}

}  // namespace

std::uint64_t descriptors_needed(const descriptor_use& beside, std::uint32_t connections) noexcept {
  return beside_connections(beside) + connections * per_connection;
}

fitted_connections fit_connections(std::uint32_t wanted, const descriptor_use& beside, std::uint64_t limit) {
  const std::uint64_t fixed = beside_connections(beside);
  const std::uint64_t most = limit > fixed ? (limit - fixed) / per_connection : 0;
  if (wanted == 0 && most >= connections_min) return {static_cast<std::uint32_t>(std::min<std::uint64_t>(most, connections_default)), {}};
  if (wanted != 0 && wanted <= most) return {wanted, {}};
  const std::uint32_t least = wanted != 0 ? wanted : connections_min;
  const std::uint64_t need = descriptors_needed(beside, least);
  std::string problem = fmt::format("{} = {} needs {} descriptors, and this process may open {}: {}",
                                    wanted != 0 ? "max_connections" : "even max_connections", least, need, limit, remedy(need));
  if (wanted != 0 && most >= connections_min) problem += fmt::format(", or set max_connections to {} at most", most);
  return {0, std::move(problem)};
}

std::string settle_connections(configuration& of, const descriptor_use& beside) {
  std::uint32_t& count = of.service.max_connections;
  auto [now, most] = io::descriptor_limit();
  if (descriptors_needed(beside, count != 0 ? count : connections_default) > now && most > now && io::raise_descriptor_limit()) now = most;
  auto fitted = fit_connections(count, beside, now);
  if (!fitted.problem.empty()) return std::move(fitted.problem);
  count = fitted.count;
  io::keep_descriptor_reserve();
  return {};
}

void say_fewer_connections(std::uint32_t count, const descriptor_use& beside) {
  io::log::line(io::log::level::warn, "fewer-connections",
                {{"max_connections", count},
                 {"descriptors", io::descriptor_limit().now},
                 {"remedy", remedy(descriptors_needed(beside, connections_default))}});
}

}  // namespace omnilink::actors
