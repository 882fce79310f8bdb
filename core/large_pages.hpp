// Memory for large tables that are looked up here and there: on pages of 2 MiB, where the kernel gives them, a look-up seldom waits for
// the address to be translated as well (madvise(2), MADV_HUGEPAGE).
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace omnilink::core {

inline constexpr std::size_t large_page = std::size_t{2} << 20;

/// From here on a large page is worth what it wastes.
inline constexpr std::size_t large_table = large_page / 2;

/// In whole large pages. Throws std::bad_alloc.
void* allocate_large_pages(std::size_t size);
void free_large_pages(void* memory) noexcept;

template <class T>
struct large_page_allocator {
  using value_type = T;

  large_page_allocator() noexcept = default;
  template <class Other>
  large_page_allocator(const large_page_allocator<Other>&) noexcept {}

  T* allocate(std::size_t count) {
    const std::size_t size = count * sizeof(T);
    return static_cast<T*>(size < large_table ? ::operator new(size, alignment) : allocate_large_pages(size));
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    count * sizeof(T) < large_table ? ::operator delete(memory, alignment) : free_large_pages(memory);
  }
  friend bool operator==(const large_page_allocator&, const large_page_allocator&) noexcept { return true; }

 private:
  static constexpr std::align_val_t alignment{alignof(T)};
};

/// For tables that are filled once and then read.
template <class T>
using large_vector = std::vector<T, large_page_allocator<T>>;

}  // namespace omnilink::core
