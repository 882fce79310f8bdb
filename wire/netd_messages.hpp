// The conversation between the service and netd, the process that holds its privileges: one message per packet of a
// SOCK_SEQPACKET socket; listening sockets travel beside netd_opened. Each side takes the other for hostile:
// decode_netd_message() gives a message whose every field is within its limits, or nothing.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/capture.hpp"
#include "core/endpoint.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

/// A packet must fit the send buffer of a unix socket (net.core.wmem_default is 208 KiB).
inline constexpr std::size_t netd_message_max = 128 * 1024;
inline constexpr std::size_t netd_listeners_max = 64;
inline constexpr std::uint32_t netd_workers_max = 64;  ///< 2 sockets each stay below SCM_MAX_FD (253)
inline constexpr std::size_t netd_text_max = 640;      ///< bytes in the texts of a refusal; one line with the remedy
inline constexpr std::size_t netd_path_max = 4096;     ///< PATH_MAX
inline constexpr std::size_t netd_files_max = 512;     ///< a login and TLS files for each of more hops than a chain can have

/// What the kernel is to bring to a listener.
struct netd_capture {
  core::mechanism by = core::mechanism::redirect;
  core::capture what;
  friend bool operator==(const netd_capture&, const netd_capture&) = default;
};

/// One way in.
struct netd_listener {
  core::endpoint where;                 ///< port 0: any free one
  std::optional<netd_capture> capture;  ///< with it, sockets of both families on that port
  bool fail_closed = true;               ///< with capture: what it takes is rejected while nobody serves it
  bool reject_udp = false;               ///< with capture: UDP that meets it is rejected
  bool original_source = false;          ///< with capture by tproxy: what is dialled for it may have its clients' addresses
  friend bool operator==(const netd_listener&, const netd_listener&) = default;
};

/// Have exactly these listeners and rules, in place of whatever there was: all of it, or nothing changes. Sockets of a
/// listener that stays are the same ones.
struct netd_install {
  std::uint32_t workers = 1;   ///< 1 to 64
  bool want_sockets = true;    ///< one netd_opened for each listener, in order, then netd_done
  std::vector<netd_listener> listeners;
  friend bool operator==(const netd_install&, const netd_install&) = default;
};
/// Take the rules back and close the listening sockets: the service ends. Answered by netd_done.
struct netd_withdraw {
  friend bool operator==(const netd_withdraw&, const netd_withdraw&) = default;
};
/// Open what a reload will read: the configuration file and the files that it names. Answered by one netd_file for each, at most
/// netd_files_max, then netd_done.
struct netd_open_files {
  friend bool operator==(const netd_open_files&, const netd_open_files&) = default;
};
/// Beside it comes one end of a packet channel, at whose other end processes will be asked for (process_messages.hpp). Answered by
/// netd_done.
struct netd_answer_processes {
  friend bool operator==(const netd_answer_processes&, const netd_answer_processes&) = default;
};
/// Beside it come the ends of two packet channels, for IPv4 and IPv6, which netd is to keep full of sockets that may have anybody's address
/// (lent_sockets.hpp). Answered by netd_done; where no listener has original_source it is nonsense.
struct netd_lend_sockets {
  friend bool operator==(const netd_lend_sockets&, const netd_lend_sockets&) = default;
};
/// Beside it comes the file, for reading, where system_errno is 0.
struct netd_file {
  std::string path;
  std::uint16_t system_errno = 0;
  friend bool operator==(const netd_file&, const netd_file&) = default;
};
/// Beside it come `v4` and then `v6` sockets, non-blocking, index = worker; last, of a cgroup listener, the two maps in which the
/// kernel keeps what it knows of each connection: cgroup::hooks::origins_fd() and exe_paths_fd().
struct netd_opened {
  std::uint32_t v4 = 0, v6 = 0;  ///< 0 to 64 each
  bool origins = false;
  friend bool operator==(const netd_opened&, const netd_opened&) = default;
};
struct netd_done {
  friend bool operator==(const netd_done&, const netd_done&) = default;
};
/// Nothing has changed, and why. Text without control bytes.
struct netd_refusal {
  std::string step;
  std::uint16_t system_errno = 0;
  std::string message;
  friend bool operator==(const netd_refusal&, const netd_refusal&) = default;
};

using netd_message = std::variant<netd_install, netd_withdraw, netd_opened, netd_done, netd_refusal, netd_open_files, netd_file,
                                  netd_answer_processes, netd_lend_sockets>;

/// Texts are cut, and their control bytes become '?'. Empty: the message is longer than netd_message_max, or not within
/// its limits.
std::vector<std::uint8_t> encode(const netd_message& message);
/// nullopt: not a message of this version, or a field is out of its limits, or bytes are left over.
std::optional<netd_message> decode_netd_message(bytes packet);

}  // namespace omnilink::wire
