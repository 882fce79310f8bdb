#include "core/nearest_word.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace omnilink::core {
namespace {

/// No word of ours is longer; it bounds the work that a hostile word can cause.
constexpr std::size_t word_max = 64;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Optimal string alignment: Levenshtein with swaps of neighbours, the commonest slip of the fingers. Three
// rows suffice.
std::size_t distance(std::string_view a, std::string_view b) noexcept {
  std::array<std::array<std::size_t, word_max + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& now = rows[i % 3];
    const auto& before = rows[(i + 2) % 3];
    const auto& earlier = rows[(i + 1) % 3];
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      now[j] = std::min({before[j] + 1, now[j - 1] + 1, before[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) now[j] = std::min(now[j], earlier[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

// Anything that has the shape of a login loses what stands between the user's colon and the last '@': a URL may be in any wrong place.
std::string without_password(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::size_t colon = text.find(':', scheme == text.npos ? 0 : scheme + 3);
  const std::size_t at = text.rfind('@');
  if (colon == text.npos || at == text.npos || colon > at) return std::string{text};
  return std::string{text.substr(0, colon + 1)} + "***" + std::string{text.substr(at)};
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > word_max) return {};
  std::size_t best = std::min(std::max<std::size_t>(2, word.size() / 3), word.size() - 1) + 1;
  std::string_view found;
  for (const std::string_view candidate : known) {
    if (candidate.size() > word_max) continue;
    const std::size_t d = distance(word, candidate);
    if (d < best) best = d, found = candidate;
  }
  return found;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view found = nearest_word(word, known);
  return found.empty() ? std::string{} : "; did you mean \"" + std::string{found} + "\"?";
}

std::string quoted(std::string_view text) {
  const std::string word = without_password(text);
  const bool cut = word.size() > word_max;
  std::string out = "\"";
  for (const char c : std::string_view{word}.substr(0, word_max)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out + (cut ? "…\"" : "\"");
}

}  // namespace omnilink::core
