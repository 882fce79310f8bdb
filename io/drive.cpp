#include "io/drive.hpp"

#include <algorithm>
#include <array>

#include "io/wait.hpp"

namespace omnilink::io {
namespace {

// Handshake messages are short; one read takes nearly all of them whole.
constexpr std::size_t read_size = 4096;

}  // namespace

boost::asio::awaitable<drive_result> drive(stream& on, wire::handshake& script) {
  std::array<std::uint8_t, read_size> space;
  while (!script.done()) {
    if (script.now() == wire::handshake::state::sending) {
      const progress now = co_await write_all(on, script.output());
      if (!now.done()) co_return drive_result{now.code, now.system_errno};
      script.sent();
      continue;
    }
    // Never more than the script can still take: behind a counted message nothing is read that is not its
    // own.
    const std::span<std::uint8_t> into{space.data(), std::min(space.size(), script.needed())};
    const progress now = co_await read_some(on, into);
    if (now.what == progress::kind::eof) co_return drive_result{core::errc::closed_early, 0};
    if (!now.done()) co_return drive_result{now.code, now.system_errno};
    const bytes got{space.data(), now.count};
    const std::size_t taken = script.feed(got);
    if (taken < got.size()) on.unread(got.subspan(taken));
  }
  co_return drive_result{script.result(), 0};
}

}  // namespace omnilink::io
