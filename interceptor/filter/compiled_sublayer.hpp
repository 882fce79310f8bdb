// The filters of one sublayer at one layer, ready to be asked. Immutable, shared by all workers and by every
// policy in which this sublayer did not change.
//
// Each filter is looked for by its most selective condition only (interceptor/filter/index.hpp). The lists
// that a look-up finds are merged in the order of weight, and the merge stops where a filter ends the search:
// of 100 000 filters a handful is touched. The worst case remains linear, for filters without any condition
// that an index can hold (globs and negations alone), or with equal ones, of which a heavier one does not
// match.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "interceptor/filter/counters.hpp"
#include "interceptor/filter/cursors.hpp"
#include "interceptor/filter/filter.hpp"
#include "interceptor/filter/index.hpp"
#include "interceptor/filter/registration.hpp"
#include "interceptor/filter/values.hpp"

namespace omnilink::interceptor::filter {

/// What the engine keeps of a filter.
struct stored_filter {
  std::shared_ptr<const filter> source;
  std::shared_ptr<filter_counters> counters;
  std::shared_ptr<callout_slot> slot;  ///< null: no callout
};

/// The conditions on one field, or-ed.
class compiled_condition {
 public:
  explicit compiled_condition(const condition& c);
  bool holds(const values& known) const noexcept;
  const condition& source() const noexcept { return *source_; }

 private:
  struct large {
    index set;                         // what an index can hold
    std::vector<const pattern*> rest;  // the others, one by one
  };
  const condition* source_;
  std::unique_ptr<large> large_;  // null: few enough to be tried one by one
};

/// What classify needs of a filter, in one cache line: among 100 000 filters, each further one costs as much
/// as a whole classify among ten.
struct alignas(64) compiled_filter {
  const filter* source;
  filter_counters* counters;
  callout_slot* slot;
  std::uint32_t conditions;    ///< the first of them
  std::uint8_t in_index;       ///< 1: the last is answered for by the index
  std::uint8_t is_first_here;  ///< 1: the first is one range of numbers, as ports and users mostly are, and
                               ///< stands here
  std::uint8_t all;            ///< how many there are
  field_id first_field;
  number_range first;
  block_answer answer;
  action_kind kind;
  action_right right;
};
static_assert(conditions_max <= 255 && sizeof(compiled_filter) == 64);

class compiled_sublayer {
 public:
  /// Takes them in any order.
  explicit compiled_sublayer(std::vector<stored_filter> filters);
  compiled_sublayer(const compiled_sublayer&) = delete;
  compiled_sublayer& operator=(const compiled_sublayer&) = delete;

  std::size_t size() const noexcept { return filters_.size(); }
  const compiled_filter& operator[](rank r) const noexcept { return filters_[r]; }

  /// Some filter's condition tests it.
  bool asks(field_id f) const noexcept { return (asked_ >> static_cast<unsigned>(f) & 1) != 0; }

  /// The matching filters, heaviest first, without touching those that can't match. For classify.
  class matches {
   public:
    matches(const compiled_sublayer& in, const values& known) noexcept
        : in_{in}, known_{known}, candidates_{in.filters_.data(), sizeof(compiled_filter)} {
      in.index_.gather(known, candidates_);
    }
    /// nullptr: no more.
    const compiled_filter* next() noexcept {
      for (rank r = candidates_.next(); r != no_rank; r = candidates_.next()) {
        const compiled_filter& f = in_.filters_[r];
        if (in_.passes(f, known_)) return &f;
      }
      return nullptr;
    }

   private:
    const compiled_sublayer& in_;
    const values& known_;
    cursors candidates_;
  };

  /// Why the filter does not match: the first condition that does not hold; nullptr: it matches.
  const condition* failed_of(const compiled_filter& f, const values& known) const noexcept {
    for (std::uint32_t i = f.conditions; i < f.conditions + f.all; ++i) {
      if (!conditions_[i].holds(known)) return &conditions_[i].source();
    }
    return nullptr;
  }

 private:
  // The same of one that the index gave.
  bool passes(const compiled_filter& f, const values& known) const noexcept {
    if (f.is_first_here && !(known.has(f.first_field) && f.first.first <= known.number(f.first_field) &&
                             known.number(f.first_field) <= f.first.last)) {
      return false;
    }
    for (std::uint32_t i = f.conditions + f.is_first_here; i + f.in_index < f.conditions + f.all; ++i) {
      if (!conditions_[i].holds(known)) return false;
    }
    return true;
  }

  std::vector<stored_filter> stored_;  // keeps alive what compiled_filter points to; by rank
  std::deque<condition> merged_;       // of filters with several conditions on one field
  core::large_vector<compiled_filter> filters_;
  core::large_vector<compiled_condition> conditions_;
  index index_;
  std::uint32_t asked_ = 0;  // a bit for each field
};
static_assert(fields <= 32);

}  // namespace omnilink::interceptor::filter
