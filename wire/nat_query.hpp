// The question "where did this connection want to go?" and its answer, each one message of fixed size on a
// unix SEQPACKET socket. All numbers are in network order; what is not used is zero. Both decoders take their
// input as hostile and accept only what the encoders produce.
//
//   endpoint, 20 bytes:  0 family u8 (0 none, 4, 6)   1 zero u8   2 port u16   4 address 16 (IPv4: the first
//   four)
//
//   question, 80 bytes                         answer, 1000 bytes
//    0 version u16 (1)                          0 version u16 (1)
//    2 size u16 (80)                            2 size u16 (1000)
//    4 kind u8 (nat_question::kind)             4 status u8 (nat_answer::status)
//    5 protocol u8 (6 TCP, 17 UDP)              5 error u8 (nat_error; 0 unless status is `error`)
//    6 zero u16                                 6 zero u16
//    8 token u64                                8 token u64
//   16 network namespace cookie u64            16 connection u64
//   24 source endpoint                         24 generation u64
//   44 local endpoint                          32 age, milliseconds u64
//   64 zero 16                                 40 since its end, milliseconds u64
//                                              48 uid u32
//                                              52 matches u32
//                                              56 source endpoint
//                                              76 local endpoint
//                                              96 dialled endpoint
//                                             116 original endpoint (family 0: a name; the port counts)
//                                             136 length of the name u8
//                                             137 length of the chain's name u8
//                                             138 zero 2
//                                             140 pid u32; 0: unknown
//                                             144 name 256, padded with zeros
//                                             400 chain's name 64, padded with zeros
//                                             464 gid u32; 0xffffffff: unknown
//                                             468 zero 4
//                                             472 program's short name 16, padded with zeros like the next
//                                             488 program's path 256
//                                             744 control group 256
#pragma once

#include <array>
#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/endpoint.hpp"
#include "core/flow_key.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

inline constexpr std::uint16_t nat_query_version = 1;
inline constexpr std::size_t nat_question_size = 80;
inline constexpr std::size_t nat_answer_size = 1000;
inline constexpr std::size_t nat_chain_name_max = 63;
inline constexpr std::size_t nat_process_max = 15;
inline constexpr std::size_t nat_path_max = 255;  ///< a longer path is left out

/// What was wrong with a message. Part of the wire format: never renumber.
enum class nat_error : std::uint8_t {
  bad_version = 1,  ///< the answer to it carries the version that is spoken
  bad_size = 2,     ///< another number of bytes, or a size field that does not say so
  bad_message = 3,  ///< an unknown kind, a field that must be zero, an illegal endpoint, name or combination
  busy = 4,         ///< too many questions; ask again later
  internal = 5,     ///< the question could not be looked up
};

struct nat_question {
  /// Part of the wire format: never renumber.
  enum class kind : std::uint8_t {
    source = 1,       ///< by the source endpoint
    flow = 2,         ///< by source and local endpoint, and network namespace
    source_port = 3,  ///< by the source port alone; the source's family is 0
    descriptor =
        4,  ///< by the accepted socket that travels with the message (SCM_RIGHTS); both families are 0
  };
  kind what = kind::source;
  core::protocol protocol = core::protocol::tcp;
  std::uint64_t token = 0;  ///< the asker's own; comes back in the answer
  std::uint64_t netns = 0;  ///< SO_NETNS_COOKIE, or 0: the service's own; 0 unless by flow
  core::endpoint source;  ///< as the accepting socket sees its peer; the port is not 0, unless by descriptor
  core::endpoint local;   ///< the accepting socket's own address; by flow only

  friend bool operator==(const nat_question&, const nat_question&) = default;
};

struct nat_answer {
  /// Part of the wire format: never renumber.
  enum class status : std::uint8_t {
    live = 1,
    closed = 2,     ///< ended, still remembered
    ambiguous = 3,  ///< several flows match: ask with more; `matches` says how many
    miss = 4,       ///< none, or none that the asker may see
    error = 5,      ///< `error` says what
  };
  status what = status::miss;
  nat_error error{};          ///< meaningful when `what` is error
  std::uint64_t token = 0;    ///< the question's
  std::uint32_t matches = 0;  ///< 1 when live or closed, at least 2 when ambiguous, else 0

  // Live and closed only:
  std::uint64_t connection = 0;  ///< id in logs and in `omnilink connections`
  std::uint64_t generation = 0;  ///< tells uses of the same ports apart
  std::uint64_t age_ms = 0;      ///< since it was accepted
  std::uint64_t closed_ms = 0;   ///< since it ended; 0 when live
  std::uint32_t uid = 0;         ///< of the program; 0xffffffff: unknown
  core::endpoint source;
  core::endpoint local;
  core::endpoint dialled;  ///< the address that the program dialled; a fake one for a name of our resolver
  core::target original;   ///< where it wanted to go
  std::uint32_t pid = 0;           ///< of the program; 0: unknown
  std::uint32_t gid = 0xffffffff;  ///< likewise; 0xffffffff: unknown
  std::string process;  ///< likewise, like all texts here without control bytes; empty: unknown
  std::string exe;
  std::string cgroup;
  std::string chain;  ///< what carries it: at most nat_chain_name_max printable ASCII bytes; may be empty

  friend bool operator==(const nat_answer&, const nat_answer&) = default;
};

std::array<std::uint8_t, nat_question_size> encode(const nat_question& question) noexcept;
/// A text that is too long or not legal is left out: the answer's reader would refuse it.
std::array<std::uint8_t, nat_answer_size> encode(const nat_answer& answer) noexcept;

boost::system::result<nat_question, nat_error> decode_nat_question(bytes message);
boost::system::result<nat_answer, nat_error> decode_nat_answer(bytes message);

/// The token of a question that could not be decoded, so that its error finds the asker; 0 where there is
/// none.
std::uint64_t nat_token_of(bytes message) noexcept;

}  // namespace omnilink::wire
