#include "io/frame_pool.hpp"

#include <array>
#include <new>
#include <utility>

namespace omnilink::io {
namespace {

// AddressSanitizer is to see each frame's end.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool pools_frames = false;
#else
constexpr bool pools_frames = true;
#endif

constexpr std::size_t frame_step = 64;
constexpr std::size_t largest_frame = 8192;
// Per thread, of all sizes together: a burst's frames go back to the heap.
constexpr std::size_t frames_kept_most = 512 * 1024;

struct spare_frame {
  spare_frame* next;
};

// Trivial, so that it outlives every object that may own a coroutine.
struct frame_store {
  std::array<spare_frame*, largest_frame / frame_step> by_size;
  std::size_t kept;
  bool opened;  // the cleaner is there
  bool closed;
};
thread_local constinit frame_store spare_frames{};

struct at_thread_end {
  ~at_thread_end() {
    spare_frames.closed = true;
    drop_spare_frames();
  }
};

[[gnu::noinline]] void watch_thread_end() noexcept {
  thread_local at_thread_end cleaner;
  spare_frames.opened = true;
}

constexpr std::size_t frame_place(std::size_t size) noexcept { return (size - 1) / frame_step; }

}  // namespace

void* take_frame(std::size_t size) {
  if (!pools_frames || size > largest_frame) return ::operator new(size);
  const std::size_t place = frame_place(size);
  if (spare_frame* const found = spare_frames.by_size[place]) {
    spare_frames.by_size[place] = found->next;
    spare_frames.kept -= (place + 1) * frame_step;
    return found;
  }
  return ::operator new((place + 1) * frame_step);
}

void give_frame_back(void* frame, std::size_t size) noexcept {
  if (!pools_frames || size > largest_frame) return ::operator delete(frame);
  const std::size_t place = frame_place(size), room = (place + 1) * frame_step;
  if (spare_frames.kept + room > frames_kept_most || spare_frames.closed) return ::operator delete(frame);
  if (!spare_frames.opened) watch_thread_end();
  spare_frames.by_size[place] = new (frame) spare_frame{spare_frames.by_size[place]};
  spare_frames.kept += room;
}

void drop_spare_frames() noexcept {
  for (spare_frame*& list : spare_frames.by_size) {
    while (list) ::operator delete(std::exchange(list, list->next));
  }
  spare_frames.kept = 0;
}

}  // namespace omnilink::io
