#include "actors/descriptors.hpp"

#include <gtest/gtest.h>

namespace omnilink::actors {
namespace {

bool names(const std::string& line, std::string_view words) { return line.find(words) != line.npos; }

TEST(descriptors, D2_each_part_of_the_service_is_counted) {
  const descriptor_use one{10, 1, 1};
  const auto base = descriptors_needed(one, 0);
  EXPECT_GT(base, 10u + 3 + 2 + 64) << "what is inherited, a worker, its listener, the reserve";
  const struct {
    descriptor_use beside;
    std::uint32_t connections;
    std::uint64_t more;
  } rows[] = {
      {{10, 1, 1}, 1, 2},           // the client's socket and that of hop 0
      {{10, 1, 1}, 10000, 20000},
      {{11, 1, 1}, 0, 1},
      {{10, 1, 2}, 0, 2},           // both families
      {{10, 2, 1}, 0, 5},           // a worker's own three, and its share of the listener
      {{10, 4, 3}, 7, 3 * 3 + (4 * 3 - 1) * 2 + 14},
      {{10, 1, 1}, 1048576, 2097152},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(descriptors_needed(row.beside, row.connections), base + row.more)
        << row.beside.inherited << " " << row.beside.workers << " " << row.beside.listeners << " " << row.connections;
  }
}

TEST(descriptors, D2_what_does_not_fit_is_refused_with_what_would) {
  const descriptor_use beside{10, 2, 1};
  const auto fixed = descriptors_needed(beside, 0);
  const struct {
    std::uint32_t wanted;
    std::uint64_t limit;
    std::uint32_t count;  // 0: refused
  } rows[] = {
      {500, fixed + 1000, 500},     // exactly
      {500, fixed + 999, 0},
      {1, fixed + 2, 1},            // few are wanted: few are enough
      {1048576, 2147483647, 1048576},
      {0, 1048576, 10000},          // the default, where there is room for it,
      {0, fixed + 20000, 10000},
      {0, fixed + 19999, 9999},     // and what fits, where there is not
      {0, fixed + 32, 16},
      {0, fixed + 31, 0},
      {0, 0, 0},
      {20, 3, 0},
  };
  for (const auto& row : rows) {
    const auto fitted = fit_connections(row.wanted, beside, row.limit);
    EXPECT_EQ(fitted.count, row.count) << row.wanted << " of " << row.limit;
    EXPECT_EQ(fitted.problem.empty(), row.count != 0) << fitted.problem;
  }
  const std::string line = fit_connections(50000, beside, fixed + 1000).problem;
  for (const auto& words : {std::string{"max_connections = 50000 needs "} + std::to_string(fixed + 100000), "may open " + std::to_string(fixed + 1000),
                            "ulimit -Hn " + std::to_string(fixed + 100000), "LimitNOFILE=" + std::to_string(fixed + 100000),
                            std::string{"max_connections to 500"}}) {
    EXPECT_TRUE(names(line, words)) << words << " is not in: " << line;
  }
  EXPECT_FALSE(names(fit_connections(0, beside, 20).problem, "set max_connections")) << "no number would help";
}

}  // namespace
}  // namespace omnilink::actors
