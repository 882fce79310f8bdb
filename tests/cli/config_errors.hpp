// What reading a configuration comes to.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/config_file.hpp"

namespace omnilink::cli {

using lines = std::vector<std::string>;

inline lines errors_of(std::string_view text) {
  settings into;
  return read_config(text, "o.toml", into);
}

inline std::string joined(const lines& all) {
  std::string out;
  for (const auto& l : all) out += l + "\n";
  return out;
}

/// The one error of the text: its place, and a part of it.
inline void expect_error(std::string_view text, std::string_view place, std::string_view part) {
  const lines all = errors_of(text);
  ASSERT_EQ(all.size(), 1u) << text << "\n" << joined(all);
  EXPECT_TRUE(all[0].starts_with("o.toml" + std::string{place} + ": ")) << all[0];
  EXPECT_NE(all[0].find(part), std::string::npos) << all[0];
}

}  // namespace omnilink::cli
