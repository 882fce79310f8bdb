#include "io/memory.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace omnilink::io {
namespace {

namespace fs = std::filesystem;

// A tree of control groups as the kernel shows it.
struct groups : testing::Test {
  groups() : root{::mkdtemp(space)} { put("self", "12:memory:/elsewhere\n0::/outer/inner\n"); }
  ~groups() override { fs::remove_all(root); }

  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root / path).parent_path());
    std::ofstream{root / path} << text;
  }
  std::optional<memory_use> use() const { return memory_group{root.string(), (root / "self").string()}.use(); }

  char space[32] = "/tmp/omnilink-test-XXXXXX";
  fs::path root;
};

TEST_F(groups, D5_the_tightest_limit_over_the_process_counts) {
  EXPECT_FALSE(use());
  put("outer/inner/memory.max", "max\n");
  EXPECT_FALSE(use()) << "there is none";
  put("memory.max", "5000000\n");
  put("memory.current", "900000\n");
  put("outer/memory.max", "4000000\n");
  put("outer/memory.current", "800000\n");
  ASSERT_TRUE(use());
  EXPECT_EQ(use()->limit, 4000000u);
  EXPECT_EQ(use()->used, 800000u);
  put("memory.max", "3000000\n");
  EXPECT_EQ(use()->limit, 3000000u) << "the root of a container";
}

TEST_F(groups, D5_files_that_the_kernel_can_drop_do_not_count) {
  put("outer/inner/memory.max", "4000000\n");
  put("outer/inner/memory.current", "800000\n");
  put("outer/inner/memory.stat", "anon 1\nfile 2\nactive_inactive_file 7\ninactive_file 300000\nactive_file 5\n");
  EXPECT_EQ(use()->used, 500000u);
}

TEST_F(groups, a_limit_may_change_and_go) {
  put("outer/inner/memory.max", "4000000\n");
  put("outer/inner/memory.current", "800000\n");
  const memory_group group{root.string(), (root / "self").string()};
  put("outer/inner/memory.max", "5000000\n");
  EXPECT_EQ(group.use()->limit, 5000000u);
  put("outer/inner/memory.max", "max\n");
  EXPECT_FALSE(group.use());
}

TEST(memory, what_this_process_and_the_machine_have) {
  EXPECT_GT(resident_memory(), 100000u);
  EXPECT_GT(physical_memory(), resident_memory());
}

}  // namespace
}  // namespace omnilink::io
