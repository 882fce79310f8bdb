// Address space for a table whose used parts come and go: a page takes memory from its first write until it is given back, which
// costs the kernel about as much as taking it did. So whoever has much to give back can do it in steps; free(3) would do it in one
// (20 ms for 300 MB).
#pragma once

#include <cstddef>

namespace omnilink::core {

/// What is given back is counted in these; where the kernel's are larger, nothing is before the end.
inline constexpr std::size_t page_size = 4096;

class reserved_pages {
 public:
  /// At least `size` bytes, all zero. Throws std::bad_alloc.
  explicit reserved_pages(std::size_t size);
  ~reserved_pages();
  reserved_pages(const reserved_pages&) = delete;
  reserved_pages& operator=(const reserved_pages&) = delete;

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  /// `count` pages from page `first` on; whatever was in them is lost.
  void give_back(std::size_t first, std::size_t count) noexcept;

 private:
  std::size_t size_;
  std::byte* data_;
};

}  // namespace omnilink::core
