#include "interceptor/filter/policy.hpp"

#include <algorithm>

#include "interceptor/filter/evaluate.hpp"

namespace omnilink::interceptor::filter {
namespace {

struct nobody {
  void evaluated(const compiled_filter&, const interceptor::filter::evaluated&) noexcept {}
  void sublayer_done(const policy::part&, step) noexcept {}
};

}  // namespace

decision policy::classify(layer_id l, const values& known, const metadata& about,
                          layer_data data) const noexcept {
  return walk<compiled_sublayer::matches>(l, at(l), known, about, data, nobody{});
}

bool policy::asks(field_id f) const noexcept {
  return std::ranges::any_of(parts_, [f](const auto& of_layer) {
    return std::ranges::any_of(of_layer, [f](const part& p) { return p.filters->asks(f); });
  });
}

}  // namespace omnilink::interceptor::filter
