// What a client says first, for those who must know it before the way is opened. The stream gives all of it again.
#pragma once

#include <vector>

#include "core/errc.hpp"
#include "io/deadlines.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

class first_bytes {
 public:
  /// Waits until then at most. Both outlive it.
  first_bytes(io::stream& client, io::deadlines& timers, core::instant until);
  /// ok: there is more than before. timed_out: there will be no more, since it is late, or enough, or the client has ended.
  /// Otherwise why the connection is over.
  io::task<core::errc> more();
  io::bytes all() const noexcept { return all_; }
  /// At the end.
  void give_back() { client_.unread(all_); }

 private:
  io::stream& client_;
  io::deadlines::timer late_;
  std::vector<std::uint8_t> all_;
};

}  // namespace omnilink::actors
