#include "interceptor/filter/compiled_sublayer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace omnilink::interceptor::filter {
namespace {

// Up to here it is faster to try the patterns one by one.
constexpr std::size_t patterns_few = 8;

// The share of all values that a pattern fits, roughly: what an index over it cannot sort out.
double coverage(const pattern& p, field_id f) noexcept {
  if (const auto* network = std::get_if<core::cidr>(&p)) return std::ldexp(1.0, -network->prefix);
  if (const auto* range = std::get_if<number_range>(&p)) {
    return std::ldexp(static_cast<double>(range->last - range->first), -static_cast<int>(bits_of(f)));
  }
  if (const auto* text = std::get_if<text_pattern>(&p)) {
    const bool is_top = text->how != text_pattern::kind::exact && text->text.find('.') == std::string::npos;
    return is_top ? 1.0 : 0.0;
  }
  return 1.0 / 256;  // a range of addresses
}

std::uint64_t fingerprint(const pattern& p, field_id f) noexcept {
  std::uint64_t h = 0;
  if (const auto* network = std::get_if<core::cidr>(&p)) {
    h = std::hash<core::address>{}(network->network) + network->prefix;
  } else if (const auto* range = std::get_if<address_range>(&p)) {
    h = std::hash<core::address>{}(range->first) * 3 + std::hash<core::address>{}(range->last);
  } else if (const auto* numbers = std::get_if<number_range>(&p)) {
    h = numbers->first * 0x9e3779b97f4a7c15u + numbers->last;
  } else {
    h = suffix_hash::of(std::get<text_pattern>(p).text);
  }
  return (h ^ static_cast<std::uint64_t>(f)) * 0xff51afd7ed558ccdu;
}

// How many filters name a pattern: those would all stand in one list.
class popularity {
 public:
  void count(const condition& c) {
    of_field& f = fields_[static_cast<std::size_t>(c.field)];
    for (const pattern& p : c.any_of) {
      f.distinct += ++times_[fingerprint(p, c.field)] == 1;
      ++f.all;
    }
  }
  // About how many filters a look-up finds, if they are looked for by this condition. At least the average of
  // its field, so that filters which are alike are looked for in one index, not half of them in each of two.
  double cost(const condition& c, std::size_t filters) const {
    const of_field& f = fields_[static_cast<std::size_t>(c.field)];
    double covered = 0, shared = static_cast<double>(f.all) / static_cast<double>(f.distinct);
    for (const pattern& p : c.any_of) {
      covered += coverage(p, c.field);
      shared = std::max(shared, static_cast<double>(times_.find(fingerprint(p, c.field))->second));
    }
    return shared + std::min(covered, 1.0) * static_cast<double>(filters);
  }

 private:
  struct of_field {
    std::size_t all = 0, distinct = 0;
  };
  std::array<of_field, fields> fields_;
  std::unordered_map<std::uint64_t, std::uint32_t> times_;
};

// One condition per field: several on one field are or-ed.
std::vector<const condition*> by_field(const filter& f, std::deque<condition>& merged) {
  std::vector<const condition*> out;
  for (const condition& c : f.conditions) {
    const auto same =
        std::find_if(out.begin(), out.end(), [&](const condition* o) { return o->field == c.field; });
    if (same == out.end()) {
      out.push_back(&c);
      continue;
    }
    merged.push_back(**same);
    merged.back().any_of.insert(merged.back().any_of.end(), c.any_of.begin(), c.any_of.end());
    *same = &merged.back();
  }
  return out;
}

// The heaviest first; of equals, the lower id.
std::vector<stored_filter> by_weight(std::vector<stored_filter> filters) {
  struct place {
    std::uint64_t weight;
    filter_id id;
    std::size_t from;
  };
  std::vector<place> places;
  places.reserve(filters.size());
  for (std::size_t i = 0; i < filters.size(); ++i) {
    places.push_back({filters[i].source->effective_weight(), filters[i].source->id, i});
  }
  std::sort(places.begin(), places.end(), [](const place& a, const place& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
  });
  std::vector<stored_filter> out;
  out.reserve(filters.size());
  for (const place& p : places) out.push_back(std::move(filters[p.from]));
  return out;
}

compiled_filter head_of(const stored_filter& s) noexcept {
  compiled_filter out{};
  out.source = s.source.get();
  out.counters = s.counters.get();
  out.slot = s.slot.get();
  out.kind = s.source->action.kind;
  out.right = s.source->right;
  out.answer = s.source->action.answer;
  return out;
}

bool is_one_range(const condition* c) noexcept {
  return !c->negated && c->any_of.size() == 1 && type_of(c->field) == field_type::number;
}

// The end: no index can hold any of them.
auto most_selective(std::vector<const condition*>& of, const popularity& shared, std::size_t filters) {
  auto best = of.end();
  double best_cost = std::numeric_limits<double>::infinity();
  for (auto i = of.begin(); i != of.end(); ++i) {
    const double cost = index::can_hold(**i) ? shared.cost(**i, filters) : best_cost;
    if (cost < best_cost) {
      best = i;
      best_cost = cost;
    }
  }
  return best;
}

}  // namespace

compiled_condition::compiled_condition(const condition& c) : source_{&c} {
  if (c.any_of.size() <= patterns_few) return;
  large_ = std::make_unique<large>();
  for (const pattern& p : c.any_of) {
    if (index::can_hold(p, c.field)) {
      large_->set.add(c.field, p, 0);
    } else {
      large_->rest.push_back(&p);
    }
  }
  large_->set.finish();
}

bool compiled_condition::holds(const values& known) const noexcept {
  if (!large_) return source_->holds(known);
  if (!known.has(source_->field)) return false;
  cursors found;
  large_->set.gather(known, found);
  const auto one_fits = [&](const pattern* p) { return fits(*p, source_->field, known); };
  const bool is_in = !found.empty() || std::any_of(large_->rest.begin(), large_->rest.end(), one_fits);
  return source_->negated != is_in;
}

compiled_sublayer::compiled_sublayer(std::vector<stored_filter> filters)
    : stored_{by_weight(std::move(filters))} {
  std::vector<std::vector<const condition*>> conditions;
  popularity shared;
  for (const stored_filter& s : stored_) {
    conditions.push_back(by_field(*s.source, merged_));
    for (const condition* c : conditions.back()) {
      if (index::can_hold(*c)) shared.count(*c);
    }
  }
  for (rank r = 0; r < stored_.size(); ++r) {
    auto& own = conditions[r];
    compiled_filter f = head_of(stored_[r]);
    f.conditions = static_cast<std::uint32_t>(conditions_.size());
    f.all = static_cast<std::uint8_t>(own.size());
    auto unchecked = own.end();
    if (const auto best = most_selective(own, shared, stored_.size()); best == own.end()) {
      index_.add_always(r);
    } else {
      for (const pattern& p : (*best)->any_of) index_.add((*best)->field, p, r);
      std::rotate(best, best + 1, own.end());
      f.in_index = 1;
      --unchecked;
    }
    if (const auto range = std::find_if(own.begin(), unchecked, is_one_range); range != unchecked) {
      std::rotate(own.begin(), range, range + 1);
      f.is_first_here = 1;
      f.first_field = own.front()->field;
      f.first = std::get<number_range>(own.front()->any_of.front());
    }
    for (const condition* c : own) {
      conditions_.emplace_back(*c);
      asked_ |= 1u << static_cast<unsigned>(c->field);
    }
    filters_.push_back(f);
  }
  index_.finish();
}

}  // namespace omnilink::interceptor::filter
