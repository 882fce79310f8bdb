// Memory for coroutine frames: what ends gives its room to what begins next on the same thread, so that a connection that is like
// the one before takes nothing from the heap. malloc(3) does not do that well: frames are larger than what it keeps at hand.
#pragma once

#include <cstddef>

namespace omnilink::io {

/// Throws std::bad_alloc.
void* take_frame(std::size_t size);
/// On any thread; `size` as it was taken.
void give_frame_back(void* frame, std::size_t size) noexcept;

/// What this thread keeps goes back to the heap: a frame of a burst holds the page that it is in.
void drop_spare_frames() noexcept;

}  // namespace omnilink::io
