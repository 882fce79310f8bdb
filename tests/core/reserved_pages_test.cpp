#include "core/reserved_pages.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace omnilink::core {
namespace {

TEST(reserved_pages, are_zero_at_first_and_after_they_were_given_back_and_only_those) {
  reserved_pages all{3 * page_size - 1};
  ASSERT_EQ(all.size(), 3 * page_size);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all.data()[i], std::byte{0}) << i;
  std::memset(all.data(), 1, all.size());
  all.give_back(1, 1);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all.data()[i] == std::byte{0}, i / page_size == 1) << i;
}

TEST(reserved_pages, there_is_room_for_nothing) {
  EXPECT_EQ(reserved_pages{0}.size(), page_size);
}

TEST(reserved_pages, what_is_not_touched_takes_no_memory) {
  reserved_pages all{64 * page_size};
  all.data()[7 * page_size] = std::byte{1};
  const auto touched = [&all] {
    std::array<unsigned char, 64> out{};
    EXPECT_EQ(::mincore(all.data(), all.size(), out.data()), 0);
    return std::ranges::count(out, 1);
  };
  EXPECT_EQ(touched(), 1);
  all.give_back(7, 1);
  EXPECT_EQ(touched(), 0);
}

}  // namespace
}  // namespace omnilink::core
