// What FRONT and MONITOR say to each other; one binary is on both sides, so events travel as they are.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <optional>

#include "io/descriptor.hpp"

namespace omnilink::cli {

struct exec_event {
  enum class kind : std::uint8_t {
    stopped,  ///< MONITOR: the command stopped; value is the signal
    ended,    ///< MONITOR: the command ended, and others live on; value is its wait status
    emptied,  ///< MONITOR: the command ended, and with it the sandbox; value is its wait status
    failed,   ///< MONITOR: there will be no command; the reason is among the lines
    signal,   ///< FRONT: send the command this signal
  };
  kind what;
  int value = 0;
  std::uint32_t stops =
      0;  ///< of stopped and signal: how often the command had stopped as far as the sender knew
};

/// What FRONT and MONITOR share. Events are packets; lines are written at once or not at all (pipe(7),
/// PIPE_BUF).
struct exec_channel {
  io::descriptor events;
  io::descriptor lines;  ///< FRONT: reads; MONITOR: writes; non-blocking
};

inline bool send_event(int fd, exec_event event) noexcept {
  return ::send(fd, &event, sizeof(event), MSG_NOSIGNAL) == sizeof(event);
}

/// nullopt: the other side is gone.
inline std::optional<exec_event> receive_event(int fd) noexcept {
  exec_event event;
  ssize_t size;
  do size = ::recv(fd, &event, sizeof(event), 0);
  while (size < 0 && errno == EINTR);
  if (size != sizeof(event)) return std::nullopt;
  return event;
}

}  // namespace omnilink::cli
