#include "core/host_name.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace omnilink::core {
namespace {

TEST(host_name, C7_letters_digits_hyphen_underscore_and_dots_between) {
  for (const char* name : {"a", "example.org", "example.org.", "EXAMPLE.Org", "xn--bcher-kva.example",
                           "_dmarc.a", "a-b", "1a", "1.2.3.a", "a1", "3com.com"}) {
    EXPECT_TRUE(valid_host_name(name)) << name;
  }
  for (const char* name : {"",
                           ".",
                           "..",
                           ".a",
                           "a..b",
                           "a.b..",
                           "a b",
                           "a/b",
                           "a:1",
                           "a@b",
                           "[::1]",
                           "::1",
                           "a\nb",
                           "a\rb",
                           "a%20b",
                           "b\xc3\xbc"
                           "cher",
                           "*.a",
                           "a,b",
                           "192.0.2.1",
                           "1.2.3",
                           "1",
                           "a.1",
                           "a.1."}) {
    EXPECT_FALSE(valid_host_name(name)) << name;
  }
}

TEST(host_name, C7_an_address_in_disguise_is_no_name) {
  for (const char* name : {"0x7f000001", "0X7F000001", "0x7f.0x1", "127.0x1", "0x", "a.0x1.", "017700000001", "a.01"}) {
    EXPECT_FALSE(valid_host_name(name)) << name;
  }
  for (const char* name : {"0x7f.example", "0xg", "x1", "00x1", "a0x1", "1.0x1.b"}) {
    EXPECT_TRUE(valid_host_name(name)) << name;
  }
}

TEST(host_name, C7_every_single_byte) {
  for (int c = 0; c < 256; ++c) {
    const std::string name{'a', static_cast<char>(c), 'a'};
    const bool good = c < 128 && (std::isalnum(c) || c == '-' || c == '_' || c == '.');
    EXPECT_EQ(valid_host_name(name), good) << c;
  }
}

TEST(host_name, C5_lengths) {
  const std::string label(63, 'a');
  EXPECT_TRUE(valid_host_name(label));
  EXPECT_FALSE(valid_host_name(label + "a"));
  EXPECT_FALSE(valid_host_name("b." + label + "a.c"));
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  ASSERT_EQ(longest.size(), host_name_max);
  EXPECT_TRUE(valid_host_name(longest));
  EXPECT_TRUE(valid_host_name(longest + "."));
  EXPECT_FALSE(valid_host_name(longest + "a"));
}

}  // namespace
}  // namespace omnilink::core
