#include "cli/table.hpp"

#include <algorithm>

#include "core/control.hpp"

namespace omnilink::cli {
namespace {

// What a peer may have chosen must not drive the terminal.
void make_printable(std::string& cell) {
  std::ranges::replace_if(cell, core::is_control, '?');
}

// In characters: all bytes of UTF-8 but those that continue one.
std::size_t width(std::string_view cell) {
  return static_cast<std::size_t>(std::ranges::count_if(cell, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

table::table(std::initializer_list<std::string_view> headings) {
  rows_.emplace_back(headings.begin(), headings.end());
}

void table::add(std::vector<std::string> row) {
  std::ranges::for_each(row, make_printable);
  rows_.push_back(std::move(row));
}

std::string table::to_string() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace omnilink::cli
