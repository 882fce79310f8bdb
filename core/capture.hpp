// Which connections a listener takes: the conditions that the user wrote under `capture`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/cidr.hpp"

namespace omnilink::core {

/// Values of one kind of condition; people who need more write networks, and a plan stays one message.
inline constexpr std::size_t capture_values_max = 256;
/// Bytes in the name of a program: TASK_COMM_LEN of the kernel without the null.
inline constexpr std::size_t process_name_max = 15;
/// Bytes in a path: PATH_MAX with the null.
inline constexpr std::size_t capture_path_max = 4095;
/// Each costs a rule of its own.
inline constexpr std::size_t capture_marks_max = 16;
/// Bytes in the name of an interface: IFNAMSIZ of netdevice(7) without the null.
inline constexpr std::size_t interface_name_max = 15;

struct port_range {
  std::uint16_t first = 0, last = 0;  ///< 1 to 65535, both within
  friend bool operator==(const port_range&, const port_range&) = default;
};

struct port_rewrite {
  std::uint16_t from = 0, to = 0;  ///< 1 to 65535
  friend bool operator==(const port_rewrite&, const port_rewrite&) = default;
};

/// A packet has it when its firewall mark has this value in the bits of the mask.
struct packet_mark {
  std::uint32_t value = 0, mask = 0xffffffff;  ///< no bit of the value outside of the mask
  friend bool operator==(const packet_mark&, const packet_mark&) = default;
};

/// How the kernel brings a listener what it takes.
enum class mechanism : std::uint8_t {
  redirect,  ///< NAT: the destination is rewritten, and conntrack remembers it
  tproxy,    ///< the packets are left as they are: the listener's sockets have the destination as their own address
  cgroup,    ///< the program's connect() is changed, by eBPF programs on its cgroup, which remember the destination
  sk_lookup, ///< of what arrives, eBPF programs choose the listener's socket: likewise, and no packet is marked
};

/// The listener's sockets have the destination as their own address.
constexpr bool keeps_destination(mechanism by) noexcept { return by == mechanism::tproxy || by == mechanism::sk_lookup; }

/// A connection is taken when it meets every kind of condition that is given, of each kind any one value.
struct capture {
  enum class way : std::uint8_t {
    out,      ///< what programs of this machine open
    in,       ///< what other machines open to this one
    forward,  ///< what other machines open through this one, their gateway
  };
  way direction = way::out;
  std::vector<port_range> ports;        ///< of the destination
  std::vector<cidr> networks;           ///< of the destination; none: any but this machine's own addresses
  std::vector<std::uint32_t> uids;      ///< out only: of the program
  std::vector<std::uint32_t> gids;      ///< out only
  std::vector<std::string> interfaces;  ///< out: it leaves by; in and forward: it came by
  std::vector<cidr> sources;            ///< of where it comes from; none: from anywhere
  std::vector<packet_mark> marks;       ///< that somebody else's rules, or the program, gave it
  std::string cgroup;                   ///< out only: the program is in it or below: a path, or the name of a unit; empty: in any
  // What only the mechanism `cgroup` knows, direction out.
  std::vector<std::string> executables;  ///< paths
  std::vector<std::string> processes;    ///< names of programs, as ps(1) shows them: of the first thread
  std::vector<std::uint32_t> pids;       ///< and what descends from them
  std::uint16_t deny = 0;                ///< connect() fails with this errno, and the listener sees nothing; 0: it does not
  std::vector<port_rewrite> rewrites;    ///< these ports are changed on the way, and the listener sees nothing

  /// The key of something that only the mechanism `cgroup` knows; empty: there is none.
  std::string_view beyond_packets() const noexcept;
  /// The key of something that only packets have, which the mechanism `cgroup` does not see; empty: there is none.
  std::string_view beyond_programs() const noexcept;
  /// No condition at all, which is never meant as "everything".
  bool empty() const noexcept;
  /// Empty: valid; otherwise what is wrong and the remedy, in one line.
  std::string validate() const;
  friend bool operator==(const capture&, const capture&) = default;
};

std::string_view name_of(capture::way direction) noexcept;

/// "0x10", "16", or with a mask "0x10/0xf0"; nullopt: neither, or bits outside of the mask.
std::optional<packet_mark> parse_mark(std::string_view text) noexcept;

/// "443" or "8000-8100"; nullopt: neither.
std::optional<port_range> parse_port_range(std::string_view text) noexcept;

}  // namespace omnilink::core
