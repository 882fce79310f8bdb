// Memory for coroutine frames and what else a connection is made of: what ends gives its room to what begins next on the same thread, so that
// a connection that is like the one before takes nothing from the heap. malloc(3) does not do that well: frames are larger than what it keeps
// at hand.
#pragma once

#include <cstddef>

namespace omnilink::io {

/// Throws std::bad_alloc.
void* take_frame(std::size_t size);
/// On any thread; `size` as it was taken.
void give_frame_back(void* frame, std::size_t size) noexcept;

/// Base of what lives about as long as such a frame.
struct pooled {
  static void* operator new(std::size_t size) { return take_frame(size); }
  static void operator delete(void* what, std::size_t size) noexcept { give_frame_back(what, size); }
};

/// The same for what a container, or a shared_ptr, takes.
template <class T>
struct frame_allocator {
  using value_type = T;
  frame_allocator() = default;
  template <class U>
  frame_allocator(const frame_allocator<U>&) noexcept {}

  T* allocate(std::size_t count) { return static_cast<T*>(take_frame(count * sizeof(T))); }
  void deallocate(T* what, std::size_t count) noexcept { give_frame_back(what, count * sizeof(T)); }
  friend bool operator==(const frame_allocator&, const frame_allocator&) noexcept { return true; }
};

/// What this thread keeps goes back to the heap: a frame of a burst holds the page that it is in.
void drop_spare_frames() noexcept;

}  // namespace omnilink::io
