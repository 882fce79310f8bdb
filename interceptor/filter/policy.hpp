// All filters, compiled: what the workers ask. Immutable; a change makes a new one
// (interceptor/filter/engine.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "interceptor/filter/arbitration.hpp"
#include "interceptor/filter/callout.hpp"
#include "interceptor/filter/compiled_sublayer.hpp"
#include "interceptor/filter/trace.hpp"

namespace omnilink::interceptor::filter {

class policy {
 public:
  struct part {
    sublayer about;
    std::shared_ptr<const compiled_sublayer> filters;
  };
  using parts = std::array<std::vector<part>, layers>;

  policy() = default;
  /// The parts of each layer in the order in which they are asked.
  explicit policy(parts all) noexcept : parts_{std::move(all)} {}

  /// What becomes of a connection at this layer. Allocates nothing, but for what callouts do; may be called
  /// from several threads at once. Matching filters are counted as hit.
  decision classify(layer_id at, const values& known, const metadata& about,
                    layer_data data = {}) const noexcept;

  /// The same decision by the same rules, with all filters that were asked and why each lost. Nothing is
  /// counted, and callouts are told that somebody only asks. Its cost grows with the number of filters.
  trace explain(layer_id at, const values& known, const metadata& about, layer_data data = {}) const;

  /// Some filter tests that field: what nobody asks for need not be found out.
  bool asks(field_id f) const noexcept;

  const std::vector<part>& at(layer_id l) const noexcept { return parts_[static_cast<std::size_t>(l)]; }

 private:
  parts parts_;
};

}  // namespace omnilink::interceptor::filter
