#include "actors/nat_totals.hpp"

#include "actors/control.hpp"

namespace omnilink::actors {

boost::asio::awaitable<std::optional<nat::stats>> nat_totals(control& home) {
  nat::stats all;
  for (std::size_t w = 0; w < home.shared->who.workers(); ++w) {
    const nat_shard_actor shard = home.shared->who.shard(w);
    const auto one = co_await ask<nat::stats>(home.questions, shard, ask_timeout, stats_atom::value);
    if (!one) co_return std::nullopt;
    all += *one;
  }
  co_return all;
}

}  // namespace omnilink::actors
