// Why a decision is what it is: every sublayer and filter of a layer in order, what each did, and why the
// losing ones lost. For `explain`; pointers are into the policy that made it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "interceptor/filter/arbitration.hpp"

namespace omnilink::interceptor::filter {

struct trace {
  enum class fate : std::uint8_t {
    decides,  ///< the layer's decision is this one's
    agrees,   ///< same decision, but a heavier one has it already; it may have given the way, or made it hard
    overridden,   ///< it decided, until `by` in a lighter sublayer overrode or vetoed it
    refused,      ///< `by` in a heavier sublayer had decided the opposite for good
    went_on,      ///< a callout looked, or had no opinion
    unmatched,    ///< `failed` does not hold
    not_reached,  ///< it matches, but `by` ended the search in its sublayer, or for the whole layer
    failed,       ///< its callout threw or exceeded its budget
  };
  struct entry {
    const filter* which = nullptr;
    trace::fate fate = fate::unmatched;
    const filter* by = nullptr;
    std::string failed;  ///< "remote_port is 80 or 443: it is 22"; unmatched only
  };
  struct asked {
    std::string sublayer;
    std::uint16_t weight = 0;
    std::vector<entry> entries;  ///< heaviest first
  };
  layer_id layer{};
  interceptor::filter::decision decision;
  std::vector<asked>
      sublayers;  ///< heaviest first; those behind a failed callout were not asked and are not here
};

std::string_view name_of(trace::fate f) noexcept;
/// One line for people: `lost: overridden by "block list" of it-security`.
std::string to_string(const trace::entry& e);

}  // namespace omnilink::interceptor::filter
