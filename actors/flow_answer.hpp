// Between the NAT store's entries and the messages of query.sock.
#pragma once

#include "actors/protocol.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::actors {

/// `live` or `closed`.
wire::nat_answer answer_of(const nat::entry& flow, core::instant now);
/// Of all that match and may be seen: live flows come before closed ones; two candidates are ambiguous (two listeners, or two hosts with
/// the same port).
wire::nat_answer answer_of(const nat_entries& flows, core::instant now);
wire::nat_counters counters_of(const nat::stats& all) noexcept;
nat::entry entry_of(const wire::nat_announcement& said);
/// Until it is forgotten, rounded up; 0: never, while it lives.
std::uint64_t remaining_ms(const nat::entry& flow, core::instant now) noexcept;

}  // namespace omnilink::actors
