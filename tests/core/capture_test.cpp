#include "core/capture.hpp"

#include <gtest/gtest.h>

namespace omnilink::core {
namespace {

capture of_port(std::uint16_t port) {
  capture out;
  out.ports = {{port, port}};
  return out;
}

TEST(capture, nothing_is_never_everything) {
  EXPECT_NE(capture{}.validate().find("no condition"), std::string::npos);
  EXPECT_EQ(of_port(80).validate(), "");
}

TEST(capture, each_wrong_condition_is_named) {
  auto wrong = of_port(0);
  EXPECT_NE(wrong.validate().find("a port is 1 to 65535"), std::string::npos);
  wrong.ports = {{9, 8}};
  EXPECT_NE(wrong.validate().find("a port is 1 to 65535"), std::string::npos);
  for (const char* name : {"", "eth 0", "eth0;", "\"", "sixteen_letters_"}) {
    wrong = of_port(80);
    wrong.interfaces = {name};
    EXPECT_NE(wrong.validate().find("not the name of an interface"), std::string::npos) << name;
  }
  wrong = of_port(80);
  wrong.uids = {1000};
  wrong.direction = capture::way::in;
  EXPECT_NE(wrong.validate().find("set direction = \"out\""), std::string::npos);
  wrong.direction = capture::way::out;
  EXPECT_EQ(wrong.validate(), "");
  wrong.uids.assign(capture_values_max + 1, 1);
  EXPECT_NE(wrong.validate().find("more than 256"), std::string::npos);
}

TEST(capture, what_nothing_can_meet_or_rules_cannot_say_is_refused) {
  auto wrong = of_port(80);
  wrong.networks = {*cidr::parse("203.0.113.0/24")};
  wrong.sources = {*cidr::parse("2001:db8::/32")};
  EXPECT_NE(wrong.validate().find("different address families"), std::string::npos);
  wrong.networks.push_back(*cidr::parse("2001:db8:1::/48"));
  EXPECT_EQ(wrong.validate(), "");
  wrong = of_port(80);
  wrong.marks = {{0x10, 0x0f}};
  EXPECT_NE(wrong.validate().find("outside of its mask"), std::string::npos);
  wrong.marks.assign(capture_marks_max + 1, {1, 1});
  EXPECT_NE(wrong.validate().find("more than 16 marks"), std::string::npos);
  for (const char* path : {"a\"b", "../x", "a/../b", "..", "a\nb"}) {
    wrong = of_port(80);
    wrong.cgroup = path;
    EXPECT_NE(wrong.validate().find("not the path of a cgroup"), std::string::npos) << path;
  }
  wrong.cgroup = "/user.slice/user-1000.slice";
  EXPECT_EQ(wrong.validate(), "");
  wrong.direction = capture::way::forward;
  EXPECT_NE(wrong.validate().find("uid, gid and cgroup"), std::string::npos);
}

TEST(capture, marks_are_read) {
  EXPECT_EQ(parse_mark("16"), (packet_mark{16, 0xffffffff}));
  EXPECT_EQ(parse_mark("0x10/0xf0"), (packet_mark{0x10, 0xf0}));
  for (const char* text : {"", "x", "0x", "1/", "/1", "0x11/0x10", "4294967296", "-1"}) EXPECT_FALSE(parse_mark(text)) << text;
}

TEST(capture, port_ranges_are_read) {
  EXPECT_EQ(parse_port_range("443"), (port_range{443, 443}));
  EXPECT_EQ(parse_port_range("8000-8100"), (port_range{8000, 8100}));
  for (const char* text : {"", "-", "0", "80-", "-80", "81-80", "1-65536", "a-b", "1-2-3"}) EXPECT_FALSE(parse_port_range(text)) << text;
}

}  // namespace
}  // namespace omnilink::core
