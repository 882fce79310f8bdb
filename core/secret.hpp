// A credential (invariant 8): no log, format or stream operator accepts it, and its memory is cleared.
#pragma once

#include <string.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace omnilink::core {

/// The compiler may drop what memset() writes and nobody reads; this it may not (bzero(3)).
inline void wipe(void* memory, std::size_t size) noexcept { ::explicit_bzero(memory, size); }

/// For buffers that peers' passwords pass through: what a container gives back is cleared, also when it grows.
template <class T>
struct wiping_allocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = wiping_allocator<U>;
  };
  wiping_allocator() = default;
  template <class U>
  wiping_allocator(const wiping_allocator<U>&) noexcept {}
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(memory, count * sizeof(T));
    std::allocator<T>::deallocate(memory, count);
  }
};

class secret {
 public:
  secret() = default;
  explicit secret(std::string_view value) : value_{value} {}
  secret(const secret&) = default;
  secret(secret&& other) noexcept : value_{other.value_} { other.clear(); }
  secret& operator=(const secret& other) {
    if (this != &other) {
      clear();
      value_ = other.value_;
    }
    return *this;
  }
  secret& operator=(secret&& other) noexcept {
    if (this != &other) {
      clear();
      value_.swap(other.value_);
    }
    return *this;
  }
  ~secret() { clear(); }

  bool empty() const noexcept { return value_.empty(); }
  std::size_t size() const noexcept { return value_.size(); }
  /// The only way out; every call is a place to review.
  std::string_view reveal() const noexcept { return value_; }
  friend bool operator==(const secret&, const secret&) = default;

  template <class Stream>
  friend Stream& operator<<(Stream&, const secret&) = delete;

 private:
  void clear() noexcept {
    wipe(value_.data(), value_.size());
    value_.clear();
  }

  std::string value_;
};

}  // namespace omnilink::core
