#include "interceptor/filter/engine.hpp"

#include <algorithm>

#include "core/nearest_word.hpp"

namespace omnilink::interceptor::filter {
namespace {

constexpr std::size_t filters_per_step = 8192;  // between two calls of progress

template <class Map>
std::string hint(std::string_view name, const Map& known) {
  std::vector<std::string_view> words;
  for (const auto& [word, _] : known) words.push_back(word);
  return core::did_you_mean(name, words);
}

std::string line_of(const filter& f) {
  return "filter " + core::quoted(f.name) + ": ";
}

std::string refusal(const filter& f, const std::string& reason) {
  return line_of(f) + "callout " + core::quoted(f.action.name) + " refuses it: " + reason;
}

// Those that connections meet and callouts know of.
const filter* live(const definitions& in, filter_id id) {
  const auto found = in.filters.find(id);
  return found != in.filters.end() && found->second.source->enabled ? found->second.source.get() : nullptr;
}

}  // namespace

// Held for a handful of instructions: by whoever commits, and by a reader once per commit.
class engine::lock {
 public:
  explicit lock(std::atomic_flag& flag) noexcept : flag_{flag} {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~lock() { flag_.clear(std::memory_order_release); }
  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;

 private:
  std::atomic_flag& flag_;
};

// A filter with a callout that comes, goes or is replaced.
struct engine::change {
  callout_slot* slot;
  const filter* before;  // null: it is new
  const filter* after;   // null: it goes
  std::string tell(callout::event what, const filter& about) const {
    registration* code = slot->current();
    return code ? code->notify(what, about) : std::string{};
  }
};

engine::engine() : policy_{std::make_shared<const policy>()} {
  definitions first;
  first.sublayers.emplace(default_sublayer,
                          sublayer{std::string{default_sublayer}, default_sublayer_weight, {}});
  definitions_ = std::make_shared<const definitions>(std::move(first));
}

std::vector<std::string> engine::commit(transaction t, const progress& tell) {
  if (t.base_ != version()) return {"another transaction was committed since this one began; begin again"};
  check(t, tell);
  if (!t.errors_.empty()) {
    if (t.errors_.size() > errors_max) t.errors_.resize(errors_max);
    return std::move(t.errors_);
  }
  give_slots(t.next_);
  auto next = std::make_shared<const policy>(compile(t, tell));

  std::vector<change> changes;
  std::set<filter_id> ids = t.added_;
  for (const auto& [id, _] : t.removed_) ids.insert(id);
  for (const filter_id id : ids) {
    const filter* before = live(*definitions_, id);
    const filter* after = live(t.next_, id);
    const filter* any = after ? after : before;
    if (!any || before == after) continue;
    if (before && is_callout(before->action.kind))
      changes.push_back({slots_.at(before->action.name).get(), before, nullptr});
    if (after && is_callout(after->action.kind))
      changes.push_back({slots_.at(after->action.name).get(), nullptr, after});
  }
  if (std::string refused = notify_added(changes); !refused.empty()) return {std::move(refused)};
  const auto old = std::exchange(definitions_, std::make_shared<const definitions>(std::move(t.next_)));
  publish(std::move(next));
  for (const change& c : changes) {
    if (c.before) c.tell(callout::event::filter_deleted, *c.before);
  }
  return {};
}

// Every line that is wrong goes to the transaction's errors.
void engine::check(transaction& t, const progress& tell) const {
  if (t.next_.sublayers.size() > sublayers_max)
    t.fail("more than " + std::to_string(sublayers_max) + " sublayers");
  if (t.next_.filters.size() > filters_max)
    return t.fail("more than " + std::to_string(filters_max) + " filters");
  const std::size_t total = t.next_.filters.size() * 2;
  std::size_t done = 0;
  for (const auto& [id, stored] : t.next_.filters) {
    if (tell && ++done % filters_per_step == 0) tell(done, total);
    const bool is_new = t.added_.contains(id);
    std::string wrong = is_new ? stored.source->validate() : std::string{};
    if (wrong.empty()) wrong = wrong_reference(*stored.source, t.next_, is_new);
    if (!wrong.empty()) t.fail(std::move(wrong));
    if (t.errors_.size() > errors_max) return;
  }
}

std::string engine::wrong_reference(const filter& f, const definitions& in, bool is_new) const {
  if (!in.sublayers.contains(f.sublayer)) {
    return line_of(f) + "there is no sublayer " + core::quoted(f.sublayer) + hint(f.sublayer, in.sublayers);
  }
  if (!is_callout(f.action.kind)) return {};
  if (!in.callouts.contains(f.action.name)) {
    return line_of(f) + "there is no callout " + core::quoted(f.action.name) +
           hint(f.action.name, in.callouts);
  }
  const auto slot = slots_.find(f.action.name);
  const registration* code = slot == slots_.end() ? nullptr : slot->second->current();
  // One that was unregistered later does what WFP says then; but loading it would block from the first
  // moment.
  if (is_new && f.action.kind == action_kind::callout_terminating && !f.permit_if_unregistered &&
      (!code || code->is_left())) {
    return line_of(f) + "callout " + core::quoted(f.action.name) +
           " is not registered, so that this filter would block whatever it matches; register it first, or "
           "set permit_if_unregistered";
  }
  return {};
}

void engine::give_slots(definitions& to) {
  for (const auto& [name, _] : to.callouts) {
    auto& slot = slots_[name];
    if (!slot) slot = std::make_shared<callout_slot>();
  }
  for (auto& [_, stored] : to.filters) {
    if (!stored.slot && is_callout(stored.source->action.kind))
      stored.slot = slots_.at(stored.source->action.name);
  }
}

// Sublayers that did not change keep what was compiled.
policy::parts engine::compile(const transaction& t, const progress& tell) const {
  std::map<std::pair<layer_id, std::string>, std::vector<stored_filter>> groups;
  for (const auto& key : t.touched_) groups[key];
  for (const auto& [_, stored] : t.next_.filters) {
    if (!stored.source->enabled) continue;
    const auto group = groups.find({stored.source->layer, stored.source->sublayer});
    if (group != groups.end()) group->second.push_back(stored);
  }
  policy::parts out;
  for (std::size_t l = 0; l < layers; ++l) {
    for (const policy::part& p : policy_->at(static_cast<layer_id>(l))) {
      const auto s = t.next_.sublayers.find(p.about.name);
      if (s != t.next_.sublayers.end() && !groups.contains({static_cast<layer_id>(l), p.about.name})) {
        out[l].push_back({s->second, p.filters});
      }
    }
  }
  std::size_t done = t.next_.filters.size();
  for (auto& [key, filters] : groups) {
    if (filters.empty()) continue;
    done += filters.size();
    const sublayer& about = t.next_.sublayers.find(key.second)->second;
    out[static_cast<std::size_t>(key.first)].push_back(
        {about, std::make_shared<const compiled_sublayer>(std::move(filters))});
    if (tell) tell(done, t.next_.filters.size() * 2);
  }
  for (auto& parts : out) {
    std::sort(parts.begin(), parts.end(), [](const policy::part& a, const policy::part& b) {
      return a.about.weight != b.about.weight ? a.about.weight > b.about.weight : a.about.name < b.about.name;
    });
  }
  return out;
}

// All or none: who was told of an addition that does not happen is told of its end.
std::string engine::notify_added(const std::vector<change>& changes) const {
  for (auto i = changes.begin(); i != changes.end(); ++i) {
    if (!i->after) continue;
    const std::string reason = i->tell(callout::event::filter_added, *i->after);
    if (reason.empty()) continue;
    const std::string line = refusal(*i->after, reason);
    while (i != changes.begin()) {
      --i;
      if (i->after) i->tell(callout::event::filter_deleted, *i->after);
    }
    return line;
  }
  return {};
}

void engine::publish(std::shared_ptr<const policy> next) noexcept {
  {
    const lock held{locked_};
    policy_.swap(next);
  }
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const policy> engine::current() const noexcept {
  const lock held{locked_};
  return policy_;
}

std::string engine::register_callout(const std::string& name, std::shared_ptr<callout> code,
                                     core::nanoseconds budget) {
  const auto slot = slots_.find(name);
  if (const registration* there = slot == slots_.end() ? nullptr : slot->second->current()) {
    return "callout " + core::quoted(name) + ": " +
           (there->is_left() ? "its former code is still unregistering" : "it is registered already");
  }
  return take_up(name, std::move(code), budget);
}

std::string engine::replace_callout(const std::string& name, std::shared_ptr<callout> code,
                                    core::nanoseconds budget) {
  std::erase_if(replaced_, [](const auto& one) { return one->leave(); });
  const auto slot = slots_.find(name);
  const auto former = slot == slots_.end() || !slot->second->current()
                          ? nullptr
                          : slot->second->current()->shared_from_this();
  std::string refused = take_up(name, std::move(code), budget);
  if (refused.empty() && former && !former->leave()) replaced_.push_back(former);
  return refused;
}

std::string engine::take_up(const std::string& name, std::shared_ptr<callout> code,
                            core::nanoseconds budget) {
  if (name.empty() || name.size() > name_max)
    return "callout " + core::quoted(name) + ": a name has 1 to 255 bytes";
  auto& slot = slots_[name];
  if (!slot) slot = std::make_shared<callout_slot>();
  auto made = std::make_shared<registration>(std::move(code), budget);
  for (const auto& [_, stored] : definitions_->filters) {
    if (stored.slot != slot || !stored.source->enabled) continue;
    const std::string refused = made->notify(callout::event::filter_added, *stored.source);
    if (!refused.empty()) return refusal(*stored.source, refused);
  }
  slot->set(std::move(made));
  return {};
}

engine::unregistered engine::unregister_callout(std::string_view name) {
  const auto slot = slots_.find(name);
  registration* code = slot == slots_.end() ? nullptr : slot->second->current();
  if (!code) return unregistered::not_found;
  if (!code->leave()) return unregistered::busy;
  slot->second->set(nullptr);
  return unregistered::done;
}

callout_state engine::state_of(std::string_view name) const {
  const auto slot = slots_.find(name);
  const registration* code = slot == slots_.end() ? nullptr : slot->second->current();
  const bool is_added = definitions_->callouts.contains(name);
  if (!code) return is_added ? callout_state::added : callout_state::absent;
  if (code->is_left()) return callout_state::unregistering;
  return is_added ? callout_state::ready : callout_state::registered;
}

std::vector<std::string> engine::unnamed_callouts() const {
  std::vector<std::string> out;
  for (const auto& [name, slot] : slots_) {
    if (slot->current() && !definitions_->callouts.contains(name)) out.push_back(name);
  }
  return out;
}

std::shared_ptr<callout> engine::code_of(std::string_view name) const {
  const auto slot = slots_.find(name);
  const registration* code = slot == slots_.end() ? nullptr : slot->second->current();
  return code && !code->is_left() ? code->code() : nullptr;
}

const filter_counters* engine::counters_of(filter_id id) const {
  const auto found = definitions_->filters.find(id);
  return found == definitions_->filters.end() ? nullptr : found->second.counters.get();
}

}  // namespace omnilink::interceptor::filter
