#include "core/spki_pin.hpp"

#include <gtest/gtest.h>

namespace omnilink::core {
namespace {

TEST(spki_pin, known_values) {
  // SHA-256 of nothing.
  const std::string text = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  const auto parsed = spki_pin::parse(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->digest[0], 0xe3);
  EXPECT_EQ(parsed->digest[31], 0x55);
  EXPECT_EQ(parsed->to_string(), text);
  EXPECT_EQ(spki_pin{}.to_string(), "sha256/" + std::string(43, 'A') + "=");
}

TEST(spki_pin, every_digest_comes_back) {
  std::uint32_t state = 1;
  for (int i = 0; i < 1000; ++i) {
    spki_pin one;
    for (auto& byte : one.digest) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    EXPECT_EQ(spki_pin::parse(one.to_string()), one) << one.to_string();
  }
}

TEST(spki_pin, nothing_else_is_one) {
  const std::string good = spki_pin{}.to_string();
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(spki_pin::parse(good.substr(0, n))) << n;
  EXPECT_FALSE(spki_pin::parse(good + "="));
  EXPECT_FALSE(spki_pin::parse("sha1" + good.substr(6)));
  EXPECT_FALSE(spki_pin::parse("SHA256" + good.substr(6)));
  for (const char bad : {' ', '-', '_', '=', '\0', '\x80', '%'}) {
    std::string text = good;
    text[20] = bad;
    EXPECT_FALSE(spki_pin::parse(text)) << static_cast<int>(bad);
  }
  // Bits that no digest has.
  std::string spare = good;
  spare[spare.size() - 2] = 'B';
  EXPECT_FALSE(spki_pin::parse(spare));
}

}  // namespace
}  // namespace omnilink::core
