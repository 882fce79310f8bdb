#include "core/secret.hpp"

#include <gtest/gtest.h>

#include <new>
#include <sstream>
#include <utility>

namespace omnilink::core {
namespace {

template <class T>
concept streamable = requires(std::ostream& to, const T& value) {
  to << value;
};

static_assert(streamable<std::string> && !streamable<secret>, "E5: a secret cannot be streamed");
static_assert(!std::is_convertible_v<secret, std::string> && !std::is_convertible_v<secret, std::string_view>,
              "E5: a secret does not turn into text by itself");
static_assert(!std::is_convertible_v<std::string, secret>, "a text is made a secret on purpose");

TEST(secret, keeps_and_gives) {
  secret one{"s3cret"};
  EXPECT_EQ(one.reveal(), "s3cret");
  EXPECT_EQ(one.size(), 6u);
  secret two = one;
  EXPECT_EQ(two, one);
  secret three = std::move(one);
  EXPECT_EQ(three.reveal(), "s3cret");
  EXPECT_TRUE(one.empty());
  one = std::move(three);
  EXPECT_EQ(one.reveal(), "s3cret");
  EXPECT_TRUE(three.empty());
  secret& same = one;
  one = same;
  EXPECT_EQ(one.reveal(), "s3cret");
  EXPECT_TRUE(secret{}.empty());
}

// Short values live inside the object, so its own memory can be looked at after it ended.
TEST(secret, E5_memory_is_cleared) {
  alignas(secret) unsigned char memory[sizeof(secret)];
  const auto holds = [&memory] {
    return std::string_view{reinterpret_cast<const char*>(memory), sizeof memory}.find("c4nary") !=
           std::string_view::npos;
  };
  secret* one = new (memory) secret{"c4nary"};
  ASSERT_TRUE(holds());
  secret elsewhere = std::move(*one);
  EXPECT_FALSE(holds());
  *one = elsewhere;
  ASSERT_TRUE(holds());
  *one = secret{};
  EXPECT_FALSE(holds());
  *one = elsewhere;
  one->~secret();
  EXPECT_FALSE(holds());
}

}  // namespace
}  // namespace omnilink::core
