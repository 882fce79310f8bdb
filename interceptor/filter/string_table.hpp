// Strings, each with a value: a flat hash table, built once and then only read. The hash runs from a string's
// end to its beginning, so that one pass gives the hashes of all suffixes of a host name.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/large_pages.hpp"

namespace omnilink::interceptor::filter {

/// A hash in the making; extend() by what stands before.
class suffix_hash {
 public:
  static std::uint64_t of(std::string_view text) noexcept {
    suffix_hash h;
    for (std::size_t i = text.size(); i-- > 0;) h.extend(text[i]);
    return h.value();
  }
  void extend(char c) noexcept { state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x9fb21c651e98df25u; }
  std::uint64_t value() const noexcept {
    const std::uint64_t h = (state_ ^ state_ >> 32) * 0xd6e8feb86659fd93u;
    return h ^ h >> 32;
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

template <class Value>
class string_table {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  /// Its number, 0 upwards in the order of first insertion; a new one gets an empty value.
  std::uint32_t insert(std::string_view text, std::uint64_t hash) {
    if (const std::uint32_t known = find(text, hash); known != none) return known;
    const auto number = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back(
        {static_cast<std::uint32_t>(characters_.size()), static_cast<std::uint32_t>(text.size()), {}});
    hashes_.push_back(hash);
    characters_.insert(characters_.end(), text.begin(), text.end());
    if (slots_.size() < entries_.size() * 2) {
      slots_.assign(std::max(slots_min, slots_.size() * 2), {});
      for (std::uint32_t n = 0; n <= number; ++n) place(n);
    } else {
      place(number);
    }
    return number;
  }
  /// After the last insert().
  void finish() { hashes_ = {}; }

  /// none: not there.
  std::uint32_t find(std::string_view text, std::uint64_t hash) const noexcept {
    if (slots_.empty()) return none;
    for (std::size_t i = hash & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      const slot& s = slots_[i];
      if (s.number == none) return none;
      if (s.tag == tag_of(hash) && text_of(entries_[s.number]) == text) return s.number;
    }
  }
  std::size_t size() const noexcept { return entries_.size(); }
  Value& operator[](std::uint32_t number) noexcept { return entries_[number].value; }
  const Value& operator[](std::uint32_t number) const noexcept { return entries_[number].value; }

 private:
  static constexpr std::size_t slots_min = 16;
  struct slot {
    std::uint32_t tag = 0;
    std::uint32_t number = none;
  };
  struct entry {
    std::uint32_t begin, size;  // of its characters
    Value value;
  };
  static std::uint32_t tag_of(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash >> 32); }
  std::string_view text_of(const entry& e) const noexcept { return {characters_.data() + e.begin, e.size}; }
  void place(std::uint32_t number) noexcept {
    std::size_t i = hashes_[number] & (slots_.size() - 1);
    while (slots_[i].number != none) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = {tag_of(hashes_[number]), number};
  }

  core::large_vector<slot> slots_;  // a power of two, at least twice as many as entries
  core::large_vector<entry> entries_;
  std::vector<std::uint64_t> hashes_;
  core::large_vector<char> characters_;
};

}  // namespace omnilink::interceptor::filter
