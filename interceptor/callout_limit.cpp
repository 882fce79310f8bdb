#include "interceptor/callout_limit.hpp"

#include <algorithm>
#include <bit>
#include <random>


namespace omnilink::interceptor {
namespace {

using filter::classify_out;
using filter::field_id;

/// A full part is searched for accounts that nobody needs at most so often: a search costs as much as many connections.
constexpr core::nanoseconds search_pause = std::chrono::seconds{1};

// So much at once: small enough to be no hole in the rate, large enough to be read in a piece.
std::uint64_t byte_burst(std::uint64_t per_second) {
  return std::max<std::uint64_t>(per_second / 4, 1024);
}

std::string random_salt() {
  std::random_device random;
  return std::to_string(random()) + std::to_string(random());
}

void block(classify_out& out) {
  out.action = classify_out::answer::block;
  out.right = false;
}

}  // namespace

std::shared_ptr<filter::callout> callout_limit::make(const limit_settings& settings, std::shared_ptr<filter::callout> former) {
  auto before = std::dynamic_pointer_cast<callout_limit>(std::move(former));
  if (before && before->settings_ == settings) return before;
  return std::make_shared<callout_limit>(settings, before && before->settings_.by == settings.by ? std::move(before) : nullptr);
}

callout_limit::callout_limit(const limit_settings& settings, std::shared_ptr<callout_limit> former)
    : settings_{settings}, salt_{former ? former->salt_ : random_salt()}, former_{std::move(former)} {
  while (former_ && former_->all_connections() == 0) former_ = former_->former_;
  for (part& one : parts_) open(one.others);
}

void callout_limit::open(account& fresh) const {
  if (settings_.connections_per_second != 0) fresh.rate.emplace(settings_.connections_per_second, settings_.connections_per_second);
  if (settings_.bytes_per_second != 0) fresh.bytes = std::make_shared<filter::rates>(settings_.bytes_per_second, byte_burst(settings_.bytes_per_second));
}

// Whoever chooses his addresses and names must not be able to choose their places. A field that is not known is a value like others:
// nobody escapes by it. Of IPv6 clients the /64 counts, since one machine has as many addresses of it as it likes.
std::string callout_limit::key_of(const filter::values& known) const {
  std::string out = salt_;
  for (const field_id field : settings_.by) {
    out += '\n';
    const bool is_client = field == field_id::local_address && known.has(field) && known.address(field).is_v6();
    if (is_client) {
      const auto bytes = known.address(field).to_v6();
      out.append(bytes.begin(), bytes.begin() + 8);
    } else {
      out += known.to_string(field);
    }
  }
  return out;
}

callout_limit::part& callout_limit::part_of(const std::string& key) const {
  return parts_[std::hash<std::string>{}(key) % parts];
}

bool callout_limit::is_idle(const account& one, core::instant now) const {
  const bool is_full = !one.rate || one.rate->is_full(now);
  return one.connections == 0 && is_full && (!one.bytes || (one.bytes->up.is_full(now) && one.bytes->down.is_full(now)));
}

callout_limit::account& callout_limit::account_of(part& here, const std::string& key, core::instant now) {
  if (const auto found = here.of.find(key); found != here.of.end()) return found->second;
  const std::size_t most = std::max<std::size_t>(settings_.keys / parts, 1);
  if (here.of.size() >= most && now >= here.look_again) {
    std::erase_if(here.of, [&](const auto& one) { return is_idle(one.second, now); });
    here.look_again = now + search_pause;
  }
  if (here.of.size() >= most) return here.others;
  account& fresh = here.of.try_emplace(key, here).first->second;
  fresh.key = key;
  open(fresh);
  return fresh;
}

std::uint32_t callout_limit::connections_of(const std::string& key) const {
  std::uint32_t out = former_ ? former_->connections_of(key) : 0;
  const part& here = part_of(key);
  const std::lock_guard lock{here.mutex};
  const auto found = here.of.find(key);
  return out + (found != here.of.end() ? found->second.connections : 0);
}

std::uint32_t callout_limit::all_connections() const {
  std::uint32_t out = 0;
  for (const part& one : parts_) {
    const std::lock_guard lock{one.mutex};
    out += one.others.connections;
    for (const auto& [_, a] : one.of) out += a.connections;
  }
  return out;
}

std::size_t callout_limit::keys() const {
  std::size_t out = 0;
  for (const part& one : parts_) {
    const std::lock_guard lock{one.mutex};
    out += one.of.size();
  }
  return out;
}

void callout_limit::classify(const filter::values& known, const filter::metadata& about, filter::layer_data, const filter::filter&,
                             std::uint64_t context, classify_out& out) {
  out.action = classify_out::answer::go_on;
  // It is counted already; or nobody would give it back.
  if (context != 0 || about.reauthorizing || (!about.flow && !about.explaining)) return;
  const std::string key = key_of(known);
  const std::uint32_t before = former_ ? former_->connections_of(key) : 0;
  part& here = part_of(key);
  const std::lock_guard lock{here.mutex};
  if (about.explaining) {
    const auto found = here.of.find(key);
    const std::uint32_t now_open = before + (found != here.of.end() ? found->second.connections : 0);
    const bool has_rate = found == here.of.end() || !found->second.rate || found->second.rate->has(1, about.now);
    if ((settings_.connections != 0 && now_open >= settings_.connections) || !has_rate) block(out);
    return;
  }
  account& shared = account_of(here, key, about.now);
  if (settings_.connections != 0 && before + shared.connections >= settings_.connections) return block(out);
  if (shared.rate && !shared.rate->take(1, about.now)) return block(out);
  ++shared.connections;
  if (shared.bytes) about.flow->limit(shared.bytes);
  out.associate = std::bit_cast<std::uintptr_t>(&shared);
}

void callout_limit::flow_delete(filter::layer_id, std::uint64_t context) {
  account& shared = *std::bit_cast<account*>(static_cast<std::uintptr_t>(context));
  part& here = shared.home;
  const std::lock_guard lock{here.mutex};
  --shared.connections;
  const bool has_more_to_say = shared.rate || shared.bytes || &shared == &here.others;
  if (shared.connections == 0 && !has_more_to_say) here.of.erase(std::string{shared.key});
}

}  // namespace omnilink::interceptor
