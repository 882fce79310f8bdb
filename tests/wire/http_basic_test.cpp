#include "wire/http_basic.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace omnilink::wire {
namespace {

std::string said(const credentials& login) {
  std::array<std::uint8_t, 1024> space;
  byte_writer to{space};
  put_basic(to, login);
  return std::string{as_text(to.written())};
}

TEST(http_basic, says_and_reads) {
  EXPECT_EQ(said({"Aladdin", core::secret{"open sesame"}}), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617 section 2
  std::mt19937 random{1};
  for (std::size_t size = 0; size <= credential_max; ++size) {
    std::string user, password;
    for (std::size_t i = 0; i < size; ++i) user += static_cast<char>('a' + random() % 26), password += static_cast<char>(' ' + random() % 95);
    const credentials login{user, core::secret{password}};
    const auto back = parse_basic(said(login));
    ASSERT_TRUE(back) << size;
    EXPECT_EQ(back->user, user);
    EXPECT_EQ(back->password.reveal(), password);
  }
}

TEST(http_basic, without_regard_to_case_and_with_more_space) {
  EXPECT_EQ(parse_basic("basic   bWU6czNjcmV0")->user, "me");
  EXPECT_EQ(parse_basic("BASIC bWU6czNjcmV0")->password.reveal(), "s3cret");
  EXPECT_EQ(parse_basic("Basic bWU6YTpi")->password.reveal(), "a:b");
}

TEST(http_basic, C7_what_is_refused) {
  for (const char* value : {"", "Basic", "Basic ", "Bearer bWU6czNjcmV0", "Basic bWU6czNjcmV", "Basic bWU6czNjcmV0=", "Basic bWU=", "Basic =Wjk",
                            "Basic bWU6!zNj", "Basic bWU6Cg==", "Basic bWU6AA==", "Basic bWU6 czNj", "Basic b=U6", "Basic bWU6czNj===="})
    EXPECT_FALSE(parse_basic(value)) << value;
  EXPECT_FALSE(parse_basic(said({std::string(255, 'u'), core::secret{std::string(255, 'p')}}) + "cGFk"));
}

}  // namespace
}  // namespace omnilink::wire
