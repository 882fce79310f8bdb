// How many descriptors this process may open (RLIMIT_NOFILE, getrlimit(2)), and the last of them, which connections leave alone:
// so a process that is out of descriptors can still be asked, looks up names and writes its log. The kernel always gives the
// lowest free number (open(2)), so a number alone tells how much is left.
#pragma once

#include <cstdint>

namespace omnilink::io {

/// The last so many: askers at the sockets, name servers, files; and one late connection per worker.
inline constexpr int descriptor_reserve = 64;

struct descriptor_limits {
  std::uint64_t now = 0;
  std::uint64_t most = 0;  ///< what raise_descriptor_limit() can reach
};
descriptor_limits descriptor_limit() noexcept;

/// As far as an ordinary process may. False: not allowed after all.
bool raise_descriptor_limit() noexcept;

/// Open at the moment; 0 where /proc is not there.
std::uint32_t open_descriptors() noexcept;

/// The reserve begins below the limit as it is now. Once at start, and when something did not go as the old limit said.
/// Before the first call nothing is reserved.
void keep_descriptor_reserve() noexcept;

/// A connection's socket with this number is one too many.
bool in_descriptor_reserve(int fd) noexcept;

/// The next descriptor would be of the reserve, or cannot be had at all.
bool only_reserve_is_left() noexcept;

}  // namespace omnilink::io
