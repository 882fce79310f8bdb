// The known word that somebody probably meant: for the hints in errors about URLs, flags, keys and verbs.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace omnilink::core {

/// The nearest of `known` by edit distance without case (insert, delete, change, swap of neighbours); the
/// first of equals. Empty when none is near: at most 2 edits, or a third of the word's length, and always
/// fewer than its length.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known);

/// `; did you mean "socks5"?`, or nothing: to be appended to an error.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

/// The word in quotes, fit for a one-line error: cut to 64 bytes, control and non-ASCII bytes shown as '?', and a
/// password in it, as of a URL, as "***".
std::string quoted(std::string_view text);

}  // namespace omnilink::core
