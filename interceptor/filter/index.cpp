#include "interceptor/filter/index.hpp"

#include <algorithm>

namespace omnilink::interceptor::filter {

bool index::can_hold(const pattern& p, field_id f) noexcept {
  if (f == field_id::tag) return false;  // filters put tags on while others are asked
  const auto* text = std::get_if<text_pattern>(&p);
  return !text || (f == field_id::host ? name_index::can_hold(*text) : text_index::can_hold(*text));
}

bool index::can_hold(const condition& c) noexcept {
  return !c.negated && std::all_of(c.any_of.begin(), c.any_of.end(),
                                   [&](const pattern& p) { return can_hold(p, c.field); });
}

void index::add_address(address_index& to, const pattern& p, rank r) {
  if (const auto* network = std::get_if<core::cidr>(&p)) {
    const core::address& a = network->network;
    if (a.is_v4()) {
      to.v4.add(narrow(a), 32u - network->prefix, r);
    } else {
      to.v6.add(wide(a), 128u - network->prefix, r);
    }
    return;
  }
  const auto& range = std::get<address_range>(p);
  if (range.first.is_v4()) {
    for_each_block(narrow(range.first), narrow(range.last),
                   [&](narrow_key first, unsigned free_bits) { to.v4.add(first, free_bits, r); });
  } else {
    for_each_block(wide(range.first), wide(range.last),
                   [&](wide_key first, unsigned free_bits) { to.v6.add(first, free_bits, r); });
  }
}

void index::add(field_id f, const pattern& p, rank r) {
  if (std::find(used_.begin(), used_.end(), f) == used_.end()) used_.push_back(f);
  switch (type_of(f)) {
    case field_type::address:
      return add_address(addresses_[at(f)], p, r);
    case field_type::number: {
      const auto& range = std::get<number_range>(p);
      return for_each_block(range.first, range.last, [&](narrow_key first, unsigned free_bits) {
        numbers_[at(f) - first_number].add(first, free_bits, r);
      });
    }
    case field_type::text:
      break;
  }
  if (f == field_id::host) return hosts_.add(std::get<text_pattern>(p), r);
  texts_[at(f) - first_text].add(std::get<text_pattern>(p), r);
}

void index::finish() {
  for (address_index& a : addresses_) {
    a.v4.finish();
    a.v6.finish();
  }
  for (auto& n : numbers_) n.finish();
  hosts_.finish();
  for (text_index& t : texts_) t.finish();
}

void index::gather_field(field_id f, const values& known, cursors& out) const noexcept {
  switch (type_of(f)) {
    case field_type::address: {
      const core::address& a = known.address(f);
      if (a.is_v4()) return addresses_[at(f)].v4.gather(narrow(a), out);
      return addresses_[at(f)].v6.gather(wide(a), out);
    }
    case field_type::number:
      return numbers_[at(f) - first_number].gather(known.number(f), out);
    case field_type::text:
      break;
  }
  if (f == field_id::host) return hosts_.gather(known.text(f), out);
  texts_[at(f) - first_text].gather(known.text(f), out);
}

void index::gather(const values& known, cursors& out) const noexcept {
  for (const field_id f : used_) {
    if (known.has(f)) gather_field(f, known, out);
  }
  out.add(always_.data(), always_.data() + always_.size());
}

}  // namespace omnilink::interceptor::filter
