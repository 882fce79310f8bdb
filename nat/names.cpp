#include "nat/names.hpp"

#include <algorithm>
#include <array>

#include "core/host_name.hpp"

namespace omnilink::nat {
namespace {

// Number 0 is the network's address, 1 the sandbox's own; the last is the broadcast address.
constexpr std::uint32_t first_number = 2;
constexpr std::size_t names_max = names::pool_size - first_number - 1;

constexpr std::array<std::uint8_t, 8> prefix_v6{0xfd, 0x6f, 0x6d, 0x6e, 0x00, 0x01, 0x00, 0x00};

std::uint32_t read_u32(const std::uint8_t* bytes) noexcept {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

std::string canonical(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string out{name};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

names::pair pair_of(std::uint32_t number) noexcept {
  return {core::address::v4(names::pool_v4 + number), names::pool_v6(number)};
}

// The number behind an address of the pools, pool_size for one that has none.
std::uint32_t number_of(const core::address& plain) noexcept {
  constexpr auto none = static_cast<std::uint32_t>(names::pool_size);
  if (!names::in_pool(plain)) return none;
  if (plain.is_v4()) return read_u32(plain.to_v4().data()) - names::pool_v4;
  const auto bytes = plain.to_v6();
  return read_u32(bytes.data() + 8) == 0 ? std::min(read_u32(bytes.data() + 12), none) : none;
}

}  // namespace

core::address names::pool_v6(std::uint32_t number) noexcept {
  core::address::bytes_v6 bytes{};
  std::copy(prefix_v6.begin(), prefix_v6.end(), bytes.begin());
  for (std::size_t i = 0; i < 4; ++i) bytes[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return core::address::v6(bytes);
}

std::optional<names::pair> names::assign(std::string_view name) {
  if (!core::valid_host_name(name)) return {};
  std::string key = canonical(name);
  if (const auto known = by_name_.find(key); known != by_name_.end()) return pair_of(known->second);
  if (by_number_.size() == names_max) return {};
  const auto number = static_cast<std::uint32_t>(by_number_.size()) + first_number;
  by_number_.push_back(key);
  by_name_.emplace(std::move(key), number);
  return pair_of(number);
}

std::string_view names::find(const core::address& where) const noexcept {
  const std::uint32_t number = number_of(where.unmapped());
  if (number < first_number || number - first_number >= by_number_.size()) return {};
  return by_number_[number - first_number];
}

bool names::in_pool(const core::address& where) noexcept {
  const core::address plain = where.unmapped();
  if (plain.is_v4()) return read_u32(plain.to_v4().data()) - pool_v4 < pool_size;
  const auto bytes = plain.to_v6();
  return std::equal(prefix_v6.begin(), prefix_v6.end(), bytes.begin());
}

}  // namespace omnilink::nat
