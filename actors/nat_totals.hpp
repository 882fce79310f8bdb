// The NAT store's counters, of all its shards together.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>

#include "nat/table.hpp"

namespace omnilink::actors {

struct control;

/// On control. nullopt: a shard does not answer, and less would be no answer.
boost::asio::awaitable<std::optional<nat::stats>> nat_totals(control& home);

}  // namespace omnilink::actors
