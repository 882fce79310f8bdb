#include "core/reserved_pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace omnilink::core {
namespace {

std::byte* reserve(std::size_t size) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};
  // A large page would be there whole for the first of its bytes, and given back in pieces.
  ::madvise(memory, size, MADV_NOHUGEPAGE);
  return static_cast<std::byte*>(memory);
}

}  // namespace

reserved_pages::reserved_pages(std::size_t size)
    : size_{std::max<std::size_t>((size + page_size - 1) / page_size, 1) * page_size}, data_{reserve(size_)} {}

reserved_pages::~reserved_pages() { ::munmap(data_, size_); }

void reserved_pages::give_back(std::size_t first, std::size_t count) noexcept {
  static const bool are_the_kernels = ::sysconf(_SC_PAGESIZE) == static_cast<long>(page_size);
  if (!are_the_kernels) return;  // madvise(2) would take what is beside them, too
  ::madvise(data_ + first * page_size, count * page_size, MADV_DONTNEED);
}

}  // namespace omnilink::core
