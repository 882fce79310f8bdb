#include "core/large_pages.hpp"

#include <sys/mman.h>

#include <cstdlib>

namespace omnilink::core {

void* allocate_large_pages(std::size_t size) {
  const std::size_t whole = (size + large_page - 1) / large_page * large_page;
  void* const memory = std::aligned_alloc(large_page, whole);
  if (!memory) throw std::bad_alloc{};
  ::madvise(memory, whole, MADV_HUGEPAGE);  // where the kernel has none the small ones do
  return memory;
}

void free_large_pages(void* memory) noexcept { std::free(memory); }

}  // namespace omnilink::core
