#include "interceptor/filter/transaction.hpp"

#include "core/nearest_word.hpp"

namespace omnilink::interceptor::filter {
namespace {

std::string unknown_id(filter_id id) {
  return "filter " + std::to_string(id) + ": there is no filter with this id";
}

}  // namespace

void transaction::add(sublayer s) {
  const std::string line = "sublayer " + core::quoted(s.name) + ": ";
  if (s.name.empty() || s.name.size() > name_max) return fail(line + "a name has 1 to 255 bytes");
  if (next_.sublayers.contains(s.name)) return fail(line + "there is already one of this name");
  next_.sublayers.emplace(s.name, std::move(s));
}

void transaction::remove_sublayer(std::string_view name) {
  const auto found = next_.sublayers.find(name);
  if (found == next_.sublayers.end())
    return fail("sublayer " + core::quoted(name) + ": there is none of this name");
  if (name == default_sublayer) return fail("sublayer " + core::quoted(name) + ": it is always there");
  next_.sublayers.erase(found);
}

filter_id transaction::add(filter f) {
  if (f.id >= first_given_id) {
    fail("filter " + core::quoted(f.name) +
         ": ids from 4294967296 on are given by the engine; choose a lower one or none");
    return f.id;
  }
  if (f.id == 0) {
    const auto same = removed_ids_.extract(identity_of(f));
    f.id = same ? same.mapped() : next_.next_id++;
  }
  const filter_id id = f.id;
  if (const auto same = next_.filters.find(id); same != next_.filters.end()) {
    fail("filter " + core::quoted(f.name) + ": its id " + std::to_string(id) + " is filter " +
         core::quoted(same->second.source->name) + "'s already");
    return id;
  }
  const auto before = removed_.find(id);
  auto counters = before != removed_.end() ? before->second : counters_.make();
  touch(f);
  added_.insert(id);
  next_.filters.emplace(
      id, stored_filter{std::make_shared<const filter>(std::move(f)), std::move(counters), nullptr});
  return id;
}

void transaction::remove(filter_id id) {
  const auto found = next_.filters.find(id);
  if (found == next_.filters.end()) return fail(unknown_id(id));
  touch(*found->second.source);
  removed_[id] = found->second.counters;
  if (id >= first_given_id) removed_ids_.emplace(identity_of(*found->second.source), id);
  added_.erase(id);
  next_.filters.erase(found);
}

void transaction::set_enabled(filter_id id, bool enabled) {
  const auto found = next_.filters.find(id);
  if (found == next_.filters.end()) return fail(unknown_id(id));
  stored_filter& stored = found->second;
  if (stored.source->enabled == enabled) return;
  filter changed = *stored.source;
  changed.enabled = enabled;
  touch(changed);
  added_.insert(id);
  stored.source = std::make_shared<const filter>(std::move(changed));
}

void transaction::add_callout(std::string name, std::string provider) {
  const std::string line = "callout " + core::quoted(name) + ": ";
  if (name.empty() || name.size() > name_max) return fail(line + "a name has 1 to 255 bytes");
  if (!next_.callouts.emplace(std::move(name), std::move(provider)).second)
    fail(line + "there is already one of this name");
}

void transaction::remove_callout(std::string_view name) {
  const auto found = next_.callouts.find(name);
  if (found == next_.callouts.end())
    return fail("callout " + core::quoted(name) + ": there is none of this name");
  next_.callouts.erase(found);
}

std::size_t transaction::remove_provider(std::string_view provider) {
  std::vector<filter_id> ids;
  for (const auto& [id, stored] : next_.filters) {
    if (stored.source->provider == provider) ids.push_back(id);
  }
  for (const filter_id id : ids) remove(id);
  std::erase_if(next_.sublayers,
                [&](const auto& s) { return s.second.provider == provider && s.first != default_sublayer; });
  std::erase_if(next_.callouts, [&](const auto& c) { return c.second == provider; });
  return ids.size();
}

}  // namespace omnilink::interceptor::filter
