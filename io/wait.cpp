#include "io/wait.hpp"

namespace omnilink::io {


socket_wait wait_for(stream& on, progress::kind why) noexcept {
  return on.socket().wait(why == progress::kind::want_read ? event::read : event::write);
}

task<progress> read_some(stream& from, std::span<std::uint8_t> into) {
  while (true) {
    const progress now = from.read(into);
    if (!now.blocked()) co_return now;
    const core::errc waited = co_await wait_for(from, now.what);
    if (waited != core::errc::ok) co_return progress::fail(waited);
  }
}

task<progress> write_all(stream& to, bytes data) {
  std::size_t written = 0;
  while (true) {
    const progress now = written < data.size() ? to.write(data.subspan(written)) : to.flush();
    if (now.done()) {
      if (written == data.size()) co_return progress::moved(written);
      written += now.count;
      continue;
    }
    if (!now.blocked()) co_return now;
    const core::errc waited = co_await wait_for(to, now.what);
    if (waited != core::errc::ok) co_return progress::fail(waited);
  }
}

task<progress> shutdown_send(stream& of) {
  while (true) {
    const progress now = of.shutdown_send();
    if (!now.blocked()) co_return now;
    const core::errc waited = co_await wait_for(of, now.what);
    if (waited != core::errc::ok) co_return progress::fail(waited);
  }
}

}  // namespace omnilink::io
