#include "core/reserved_pages.hpp"

#include <gtest/gtest.h>

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
  reserved_pages all{std::size_t{1} << 40};
  all.data()[all.size() - 1] = std::byte{1};
  EXPECT_EQ(all.data()[all.size() / 2], std::byte{0});
}

}  // namespace
}  // namespace omnilink::core
