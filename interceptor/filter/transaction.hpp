// A change of many filters as one: made on a copy, and done as a whole by engine::commit() or not at all.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "interceptor/filter/compiled_sublayer.hpp"
#include "interceptor/filter/filter.hpp"

namespace omnilink::interceptor::filter {

/// Everything that owners have defined.
struct definitions {
  std::map<std::string, sublayer, std::less<>> sublayers;
  std::map<filter_id, stored_filter> filters;
  std::map<std::string, std::string, std::less<>>
      callouts;  ///< those that filters may name, and their providers
  filter_id next_id = first_given_id;
};

/// Errors are collected, so that an owner sees all of them; commit() returns them.
class transaction {
 public:
  transaction(transaction&&) = default;
  transaction& operator=(transaction&&) = default;

  void add(sublayer s);
  /// Its filters must go in the same transaction.
  void remove_sublayer(std::string_view name);
  /// Returns the filter's id. One that replaces a removed filter under the same id keeps its counters; one
  /// without an id that has the name, owner, layer and sublayer of a removed filter takes its id too. So a
  /// file that is read again changes neither ids nor counts of what it still says.
  filter_id add(filter f);
  void remove(filter_id id);
  void set_enabled(filter_id id, bool enabled);
  /// Filters may name it from now on, at any layer; its code is registered at the engine.
  void add_callout(std::string name, std::string provider = {});
  void remove_callout(std::string_view name);
  /// All filters, sublayers and callouts of this owner; the default sublayer has none. Returns how many
  /// filters.
  std::size_t remove_provider(std::string_view provider);

 private:
  friend class engine;
  transaction(std::uint64_t base, const definitions& from) : base_{base}, next_{from} {}
  void fail(std::string line) { errors_.push_back(std::move(line)); }
  using identity = std::tuple<layer_id, std::string, std::string, std::string>;
  static identity identity_of(const filter& f) { return {f.layer, f.sublayer, f.provider, f.name}; }
  void touch(const filter& f) { touched_.emplace(f.layer, f.sublayer); }

  std::uint64_t base_;  // the version that it was begun on
  definitions next_;
  std::map<filter_id, std::shared_ptr<filter_counters>> removed_;
  counter_pool counters_;
  std::map<identity, filter_id> removed_ids_;
  std::set<filter_id> added_;
  std::set<std::pair<layer_id, std::string>> touched_;  // what must be compiled
  std::vector<std::string> errors_;
};

}  // namespace omnilink::interceptor::filter
