// For descriptors that a stranger handed us: close(2) of the last copy may block for as long as the stranger likes (a
// socket that lingers, a file of their own FUSE), so it happens on a thread of its own.
#pragma once

#include <cstddef>

#include "io/descriptor.hpp"

namespace omnilink::io {

/// Takes any descriptor, also an empty one. Where no thread can be had it closes here.
void close_elsewhere(descriptor stranger) noexcept;

/// Such closes that have not returned yet: bound them, by receiving no more.
std::size_t closes_under_way() noexcept;

}  // namespace omnilink::io
