#include "actors/flow_record.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;

void close_at(worker& there, const core::flow_key& key, std::uint64_t generation) {
  there.flows.close(key, generation, core::clock::now());
  there.schedule_sweep();
}

}  // namespace

nat::entry entry_of(const core::flow_key& key, const core::target& original, const core::program_ptr& program, const ruling& ruled, const chain::chain* way) {
  nat::entry out;
  out.key = key;
  out.original = original;
  out.program = program;
  if (program && program->uid) out.uid = *program->uid;
  if (way) out.chain = way->name;
  if (!ruled.rule.empty()) out.rule = std::make_shared<const std::string>(ruled.rule);
  return out;
}

// The worker with this flow's shard.
worker& flow_record::shard_owner() const noexcept {
  const auto& workers = home_.shared.workers;
  return *workers[core::shard_of(key_.source.port, static_cast<std::uint32_t>(workers.size()))];
}

core::errc flow_record::open_here(nat::entry flow) { return opened(home_.flows.insert(std::move(flow), core::clock::now())); }

io::task<core::errc> flow_record::open_there(const nat::entry& flow) {
  worker& owner = shard_owner();
  // Not through the shard's actor: whatever becomes of that, this flow must be recorded, and closed, exactly once.
  auto begin = [&](io::resumption<nat_inserted> done) {
    asio::post(owner.execution.io(), [&owner, &home = home_, flow, done = std::move(done)]() mutable {
      const nat_inserted there = owner.flows.insert(std::move(flow), core::clock::now());
      asio::post(home.execution.io(), [there, done = std::move(done)]() mutable { done(there); });
    });
  };
  co_return opened(co_await io::completed<nat_inserted>(begin));
}

core::errc flow_record::opened(const nat_inserted& made) noexcept {
  generation_ = made.generation;
  return made.code;
}

void flow_record::close() {
  const std::uint64_t generation = std::exchange(generation_, 0);
  if (generation == 0) return;
  worker& owner = shard_owner();
  if (&owner == &home_) return close_at(home_, key_, generation);
  asio::post(owner.execution.io(), [&owner, key = key_, generation] { close_at(owner, key, generation); });
}

}  // namespace omnilink::actors
