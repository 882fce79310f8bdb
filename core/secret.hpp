// A credential (invariant 8): no log, format or stream operator accepts it, and its memory is cleared.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace omnilink::core {

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
    volatile char* bytes = value_.data();
    for (std::size_t i = 0; i < value_.size(); ++i) bytes[i] = 0;
    value_.clear();
  }

  std::string value_;
};

}  // namespace omnilink::core
