// Columns for people; --json is for programs.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace omnilink::cli {

class table {
 public:
  explicit table(std::initializer_list<std::string_view> headings);
  void add(std::vector<std::string> row);  ///< as many cells as headings
  /// Lines, each column as wide as its widest cell. Control bytes are shown as '?'.
  std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace omnilink::cli
