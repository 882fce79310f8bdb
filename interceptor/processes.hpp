// Which process holds a socket, and what it is: read from /proc, or asked of netd, which may read it of every user. What its
// reader may not see is unknown. Blocks: never for a worker.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "core/program.hpp"
#include "io/descriptor.hpp"
#include "wire/process_messages.hpp"

namespace omnilink::interceptor {

class process_finder {
 public:
  virtual ~process_finder() = default;
  /// Without the uid, which the socket tells. One thread at a time.
  virtual std::optional<core::program> find(const wire::process_question& asked) = 0;
};

/// By /proc. A socket that several processes hold (a shell's child inherits it) is the one's that is found first: whoever held
/// the sockets before, then the lowest pid.
class proc_processes final : public process_finder {
 public:
  std::optional<core::program> find(const wire::process_question& asked) override;

 private:
  std::optional<std::uint32_t> holder_of(std::uint64_t inode);

  std::deque<std::uint32_t> recent_;  ///< pids, the last one first: who opens one connection opens more
};

/// By netd, at the other end of a packet channel.
class netd_processes final : public process_finder {
 public:
  explicit netd_processes(io::descriptor channel);
  std::optional<core::program> find(const wire::process_question& asked) override;

 private:
  io::descriptor channel_;
  std::uint64_t sequence_ = 0;
};

/// netd's side: receives one question and answers it. False: whoever asks is gone, or speaks nonsense.
bool answer_process_question(int channel, process_finder& by);

}  // namespace omnilink::interceptor
