#include "actors/rules_reply.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <vector>

namespace omnilink::actors {
namespace {

namespace filter = interceptor::filter;
using nlohmann::json;

json conditions(const filter::filter& f) {
  json out = json::array();
  for (const filter::condition& c : f.conditions) out.push_back(to_string(c));
  return out;
}

json last_hit(const filter::filter_counters& counted, core::instant now) {
  if (counted.hits() == 0) return nullptr;
  return core::to_milliseconds(std::max(now - counted.last_hit(), core::nanoseconds{0}));
}

json describe(const filter::stored_filter& stored, core::instant now) {
  const filter::filter& f = *stored.source;
  return {{"id", f.id},
          {"name", f.name},
          {"provider", f.provider},
          {"layer", name_of(f.layer)},
          {"sublayer", f.sublayer},
          {"weight", f.effective_weight()},
          {"action", to_string(f.action)},
          {"match", conditions(f)},
          {"enabled", f.enabled},
          {"on_change", filter::on_change_words[static_cast<std::size_t>(f.on_change)]},
          {"hits", stored.counters->hits()},
          {"last_hit_ms", last_hit(*stored.counters, now)}};
}

bool are_twins(const filter::filter& a, const filter::filter& b) {
  const auto identity = [](const filter::filter& f) { return std::tie(f.name, f.provider, f.sublayer, f.action); };
  return a.id != b.id && a.layer != b.layer && identity(a) == identity(b);
}

}  // namespace

json describe_rules(const filter::engine& from, std::uint64_t limit, core::instant now) {
  const filter::definitions& defined = from.defined();
  struct place {
    filter::layer_id layer;
    int sublayer;  // negative weights: the heaviest first
    const std::string* sublayer_name;
    std::uint64_t weight;
    filter::filter_id id;
    const filter::stored_filter* which;
  };
  std::vector<place> all;
  all.reserve(defined.filters.size());
  for (const auto& [id, stored] : defined.filters) {
    const filter::filter& f = *stored.source;
    all.push_back({f.layer, -int{defined.sublayers.find(f.sublayer)->second.weight}, &f.sublayer, ~f.effective_weight(), id, &stored});
  }
  const auto asked_first = [](const place& a, const place& b) {
    return std::tie(a.layer, a.sublayer, *a.sublayer_name, a.weight, a.id) <
           std::tie(b.layer, b.sublayer, *b.sublayer_name, b.weight, b.id);
  };
  const std::size_t listed = std::min<std::uint64_t>(limit, all.size());
  std::ranges::partial_sort(all, all.begin() + static_cast<std::ptrdiff_t>(listed), asked_first);
  json out = json::array();
  for (std::size_t i = 0; i < listed; ++i) out.push_back(describe(*all[i].which, now));
  return {{"rules", std::move(out)}, {"total", all.size()}};
}

json describe_rule(const filter::engine& from, filter::filter_id id, core::instant now) {
  const auto& filters = from.defined().filters;
  const filter::stored_filter& one = filters.at(id);
  json twins = json::array();
  for (const auto& [_, other] : filters) {
    if (are_twins(*one.source, *other.source)) twins.push_back(describe(other, now));
  }
  return {{"rule", describe(one, now)}, {"twins", std::move(twins)}};
}

}  // namespace omnilink::actors
