#include "interceptor/sandbox_failure.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace omnilink::interceptor {
namespace {

bool says(const install_failure& failure, std::string_view words) {
  return failure.message.find(words) != std::string::npos;
}

TEST(sandbox_failure, root_without_a_capability_is_told_which) {
  if (::geteuid() != 0) GTEST_SKIP() << "is about root";
  EXPECT_TRUE(says(sandbox_failure("loopback up", EPERM), "--cap-add NET_ADMIN"));
  EXPECT_TRUE(says(sandbox_failure("unshare", EPERM), "--cap-add NET_ADMIN"));
}

TEST(sandbox_failure, too_few_descriptors_have_the_same_remedy_at_every_step) {
  for (const char* step : {"answer", "nft", "unshare", "rtnetlink"}) {
    EXPECT_TRUE(says(sandbox_failure(step, EMFILE), "raise ulimit -n")) << step;
  }
}

}  // namespace
}  // namespace omnilink::interceptor
