#include "actors/memory_budget.hpp"

#include <gtest/gtest.h>

namespace omnilink::actors {
namespace {

TEST(memory_budget, D5_holds_at_90_sheds_at_95_and_goes_on_below_85) {
  constexpr std::uint64_t percent = 1 << 20;  // of a budget of 100 MiB
  memory_budget budget;
  const struct {
    std::uint64_t used;
    bool holds, sheds;
    std::uint32_t shed;
  } rows[] = {
      {0, false, false, 0},
      {89, false, false, 0},
      {90, true, false, 0},
      {94, true, false, 0},
      {86, true, false, 0},   // not yet
      {84, false, false, 0},
      {89, false, false, 0},
      {95, true, true, 105},  // a tenth of 1000 connections, as if all were theirs
      {90, true, true, 55},
      {85, true, true, 1},    // not yet, and never nothing
      {84, false, false, 0},
      {120, true, true, 291},
      {10, false, false, 0},
  };
  for (const auto& row : rows) {
    const auto order = budget.look(row.used * percent, 100 * percent, 1000);
    EXPECT_EQ(budget.holds(), row.holds) << row.used;
    EXPECT_EQ(budget.sheds(), row.sheds) << row.used;
    EXPECT_EQ(order.shed, row.shed) << row.used;
    EXPECT_EQ(order.allowed == 0, row.holds) << row.used;
  }
}

TEST(memory_budget, D5_until_the_next_look_there_is_room_for_so_many_more) {
  memory_budget budget;
  constexpr std::uint64_t mib = 1 << 20;
  EXPECT_EQ(budget.look(80 * mib, 100 * mib, 7).allowed, 7u + 10 * 16) << "16 of them are a MiB";
  EXPECT_EQ(budget.look(0, 1ull << 60, 7).allowed, 0xffffffffu);
}

TEST(memory_budget, D5_without_a_limit_nothing_is_held_back) {
  memory_budget budget;
  (void)budget.look(100, 100, 5);
  EXPECT_TRUE(budget.sheds());
  const auto order = budget.look(100, 0, 5);
  EXPECT_FALSE(budget.holds());
  EXPECT_EQ(order.shed, 0u);
  EXPECT_EQ(order.allowed, 0xffffffffu);
}

TEST(memory_budget, D5_nobody_is_there_to_be_shed) {
  memory_budget budget;
  EXPECT_EQ(budget.look(100, 100, 0).shed, 0u);
  EXPECT_EQ(budget.look(100, 100, 1).shed, 1u);
}

}  // namespace
}  // namespace omnilink::actors
