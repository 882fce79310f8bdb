// The small grammars of the command line: durations and loopback ports; and the tables that it prints.
#include <gtest/gtest.h>

#include "cli/duration.hpp"
#include "cli/loopback_ports.hpp"
#include "cli/size.hpp"
#include "cli/table.hpp"

namespace omnilink::cli {
namespace {

using namespace std::chrono_literals;

TEST(size, units) {
  EXPECT_EQ(parse_size("64MiB"), 64u << 20);
  EXPECT_EQ(parse_size("1KiB"), 1024u);
  EXPECT_EQ(parse_size("2GiB"), 2ull << 30);
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("1048576GiB"), 1ull << 50);
}

TEST(size, what_is_refused) {
  for (const char* text : {"", "64", "64M", "64MB", "MiB", "-1MiB", "1.5GiB", "1 MiB", "1048577GiB", "99999999999999999999KiB"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(duration, units) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("8784h"), 8784h);
}

TEST(duration, what_is_refused) {
  for (const char* text : {"", "s", "10", "10 s", " 10s", "10s ", "-1s", "+1s", "1.5s", "1d", "10S", "8785h",
                           "10ss", "18446744073709551616ms", "18446744073709551615h", "0x1s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(loopback, ports) {
  using ports = std::vector<std::uint16_t>;
  EXPECT_EQ(*parse_loopback("inside"), ports{});
  EXPECT_EQ(*parse_loopback("host:3000"), ports{3000});
  EXPECT_EQ(*parse_loopback("host:3000,5432,3000"), (ports{3000, 5432}));
}

TEST(loopback, what_is_refused) {
  for (const char* text : {"", "host", "host:", "host:0", "host:65536", "host:1,", "host:,1", "host:a",
                           "outside", "3000", "host:53", "host:3000,53"}) {
    EXPECT_TRUE(parse_loopback(text).has_error()) << text;
  }
  std::string many = "host:101";
  for (int i = 102; i <= 164; ++i) many += "," + std::to_string(i);
  EXPECT_EQ(parse_loopback(many)->size(), loopback_ports_max);
  EXPECT_TRUE(parse_loopback(many + ",165").has_error());
}

TEST(table, columns_are_as_wide_as_their_widest_cell) {
  table t{"A", "LONG", "C"};
  t.add({"wide cell", "x", "1"});
  EXPECT_EQ(t.to_string(), "A          LONG  C\nwide cell  x     1\n");
}

TEST(table, a_control_byte_never_reaches_the_terminal) {
  table t{"A"};
  t.add({"\x1b[31mred\n"});
  EXPECT_EQ(t.to_string(), "A\n?[31mred?\n");
}

}  // namespace
}  // namespace omnilink::cli
