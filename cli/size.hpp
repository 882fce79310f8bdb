// Sizes as the user writes them: "64MiB", "2GiB".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace omnilink::cli {

/// Digits and one of KiB, MiB, GiB, or "0"; nullopt for anything else, and for more than a PiB.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

}  // namespace omnilink::cli
