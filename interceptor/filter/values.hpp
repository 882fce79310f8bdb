// What is known of one connection when a layer is asked.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/endpoint.hpp"
#include "core/host_name.hpp"
#include "interceptor/filter/field.hpp"

namespace omnilink::interceptor::filter {

/// Copying is cheap and nothing allocates. A field that was not set is unknown: no condition on it holds, not
/// even a negated one, since nobody can say what it is not.
class values {
 public:
  /// IPv4-mapped addresses count as IPv4.
  values& set(field_id f, const core::address& a) noexcept {
    assert(type_of(f) == field_type::address);
    addresses_[index(f)] = a.unmapped();
    return known(f);
  }
  values& set(field_id f, std::uint64_t n) noexcept {
    assert(type_of(f) == field_type::number);
    numbers_[index(f) - first_number] = n;
    return known(f);
  }
  /// Text is borrowed and must outlive the values, except the host name, which is kept in lower case without
  /// its final dot; one of more than core::host_name_max bytes is unknown.
  values& set(field_id f, std::string_view text) noexcept;

  /// Borrowed; those count that are there when a condition is tested, so that a filter may test what one before it did.
  values& set_tags(const std::vector<std::string>& tags) noexcept {
    tags_ = &tags;
    return known(field_id::tag);
  }

  bool has(field_id f) const noexcept { return (known_ >> index(f) & 1) != 0; }
  const core::address& address(field_id f) const noexcept { return addresses_[index(f)]; }
  std::uint64_t number(field_id f) const noexcept { return numbers_[index(f) - first_number]; }
  std::string_view text(field_id f) const noexcept {
    return f == field_id::host ? std::string_view{host_.data(), host_size_} : texts_[index(f) - first_text];
  }
  const std::vector<std::string>& tags() const noexcept { return *tags_; }
  /// For people: "443", "/usr/bin/curl"; "unknown" where it was not set.
  std::string to_string(field_id f) const;

 private:
  static constexpr std::size_t first_number = static_cast<std::size_t>(field_id::local_port);
  static constexpr std::size_t first_text = static_cast<std::size_t>(field_id::host);
  static constexpr std::size_t index(field_id f) noexcept { return static_cast<std::size_t>(f); }
  values& known(field_id f) noexcept {
    known_ |= 1u << index(f);
    return *this;
  }

  std::uint32_t known_ = 0;
  std::uint8_t host_size_ = 0;
  std::array<core::address, first_number> addresses_;
  std::array<std::uint64_t, first_text - first_number> numbers_{};
  std::array<std::string_view, fields - first_text> texts_;
  std::array<char, core::host_name_max> host_{};
  const std::vector<std::string>* tags_ = nullptr;
};

}  // namespace omnilink::interceptor::filter
