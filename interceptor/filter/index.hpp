// Which filters of a sublayer may match. Each filter stands in the index of one of its conditions, the most
// selective one, or in the list of those that no index can hold; so a look-up finds few filters of many, and
// of those only the other conditions need a look.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "interceptor/filter/block_index.hpp"
#include "interceptor/filter/condition.hpp"
#include "interceptor/filter/cursors.hpp"
#include "interceptor/filter/name_index.hpp"
#include "interceptor/filter/values.hpp"

namespace omnilink::interceptor::filter {

class index {
 public:
  static bool can_hold(const pattern& p, field_id f) noexcept;
  /// Not when it is negated, or one of its patterns has no place here.
  static bool can_hold(const condition& c) noexcept;

  /// The filter is found exactly when one of its patterns fits.
  void add(field_id f, const pattern& p, rank r);
  /// It is always found. Ranks must rise from one call to the next.
  void add_always(rank r) { always_.push_back(r); }
  /// After the last add.
  void finish();

  void gather(const values& known, cursors& out) const noexcept;

 private:
  struct address_index {
    block_index<narrow_key> v4;
    block_index<wide_key> v6;
  };
  static constexpr std::size_t first_number = static_cast<std::size_t>(field_id::local_port);
  static constexpr std::size_t host = static_cast<std::size_t>(field_id::host);
  static constexpr std::size_t first_text = host + 1;
  static constexpr std::size_t at(field_id f) noexcept { return static_cast<std::size_t>(f); }
  void add_address(address_index& to, const pattern& p, rank r);
  void gather_field(field_id f, const values& known, cursors& out) const noexcept;

  std::vector<field_id> used_;
  std::array<address_index, first_number> addresses_;
  std::array<block_index<narrow_key>, host - first_number> numbers_;
  name_index hosts_;
  std::array<text_index, fields - first_text> texts_;
  std::vector<rank> always_;
};

}  // namespace omnilink::interceptor::filter
