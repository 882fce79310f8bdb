#include "io/drive.hpp"

#include <algorithm>
#include <array>

#include "io/wait.hpp"

namespace omnilink::io {
namespace {

// Handshake messages are short; one read takes nearly all of them whole.
constexpr std::size_t read_size = 4096;

struct read_space {
  std::array<std::uint8_t, read_size> bytes;
  std::size_t used = 0;
  ~read_space() { core::wipe(bytes.data(), used); }  // a login may be in it
};

}  // namespace

task<drive_result> drive(stream& on, wire::handshake& script) {
  read_space space;
  bytes rest;  // of a read that took more than the message
  while (!script.done()) {
    if (script.now() == wire::handshake::state::sending) {
      const progress now = co_await write_all(on, script.output());
      if (!now.done()) co_return drive_result{now.code, now.system_errno};
      script.sent();
      continue;
    }
    if (rest.empty()) {
      const progress now = on.read(space.bytes);
      if (now.blocked()) {
        const core::errc waited = co_await wait_for(on, now.what);
        if (waited != core::errc::ok) co_return drive_result{waited, 0};
        continue;
      }
      if (now.what == progress::kind::eof) co_return drive_result{core::errc::closed_early, 0};
      if (!now.done()) co_return drive_result{now.code, now.system_errno};
      space.used = std::max(space.used, now.count);
      rest = {space.bytes.data(), now.count};
    }
    rest = rest.subspan(script.feed(rest));
  }
  if (!rest.empty()) on.unread(rest);
  co_return drive_result{script.result(), 0};
}

}  // namespace omnilink::io
