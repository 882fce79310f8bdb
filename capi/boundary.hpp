// Between C and us: no exception leaves, strings are cut to what there is room for, structures come in sizes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>

#include "capi/interception.hpp"

namespace omnilink::capi {

/// Of the five calls, and of calls without a handle. Lives as long as the process: a thread may be in it at the end.
interception& of_process();

/// What `body` returns; `failed` where it throws, which only want of memory does.
template <class Result, class Body>
Result guarded(interception& who, Result failed, Body body) noexcept {
  try {
    return body();
  } catch (...) {
    try {
      who.remember("out of memory");
    } catch (...) {
    }
    return failed;
  }
}

/// As snprintf(3): the final zero is always there where there is any room.
inline std::size_t copy_text(std::string_view from, char* into, std::size_t size) noexcept {
  if (into == nullptr || size == 0) return from.size();
  const std::size_t count = std::min(from.size(), size - 1);
  std::memcpy(into, from.data(), count);
  into[count] = '\0';
  return from.size();
}

}  // namespace omnilink::capi
