// The structures of omnilink.h, whatever version of it the caller was compiled with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "capi/omnilink.h"
#include "wire/callout_messages.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::capi {

/// Reads `given` into `out`. False: its size is smaller than that of the first version, or it sets something that is not known here.
template <class Structure>
bool read(const Structure* given, std::size_t first_version, Structure& out) noexcept {
  const std::size_t size = given->size;
  constexpr std::size_t largest = 64 * 1024;  // beyond that it is no structure but garbage
  if (size < first_version || size > largest) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof out; i < size; ++i) {
    if (bytes[i] != 0) return false;
  }
  std::memset(&out, 0, sizeof out);
  std::memcpy(&out, given, size < sizeof out ? size : sizeof out);
  return true;
}

void fill(const wire::nat_answer& from, omnilink_destination& into);

void fill(const wire::callout_question& from, omnilink_question& into);
void fill(const wire::callout_verdict& from, omnilink_verdict& into);

/// As much as the caller has room for; what it has beyond that becomes zero. False: its size is of no version.
bool write(const omnilink_destination& from, omnilink_destination* into) noexcept;

}  // namespace omnilink::capi
