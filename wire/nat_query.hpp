// The question "where did this connection want to go?" and its answer, each one message of fixed size on a
// unix SEQPACKET socket. All numbers are in network order; what is not used is zero. All decoders take their
// input as hostile and accept only what the encoders produce.
//
//   endpoint, 20 bytes:  0 family u8 (0 none, 4, 6)   1 zero u8   2 port u16   4 address 16 (IPv4: the first
//   four)
//
//   question, 80 bytes                         answer, 1280 bytes
//    0 version u16 (2)                          0 version u16 (2)
//    2 size u16 (80)                            2 size u16 (1280)
//    4 kind u8 (nat_question::kind)             4 status u8 (nat_answer::status)
//    5 protocol u8 (6 TCP, 17 UDP)              5 error u8 (nat_error; 0 unless status is `error`)
//    6 zero u16                                 6 carrier u8 (nat_carrier)   7 protocol u8
//    8 token u64                                8 token u64
//   16 network namespace cookie u64            16 connection u64
//   24 source endpoint                         24 generation u64
//   44 local endpoint                          32 age, milliseconds u64
//   64 generation u64                          40 since its end, milliseconds u64
//   72 zero 8                                  48 uid u32
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
//                                            1000 remaining, milliseconds u64
//                                            1008 network namespace cookie u64
//                                            1016 cookie of the accepted socket u64; 0: unknown
//                                            1024 rule 256
//
// An answer that is no flow is zero from 16 on, but for `matches`. One of status `stats` has the nine numbers of
// nat_counters, 64 bits each, from 16 on.
//
// Every question has one answer, in the order of the questions; a subscriber's events come between them, with the
// token of its subscription. A service is told of a flow that another program carries by a nat_announcement: a message of the
// answer's format with 12 as its status; it is answered like a question.
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

inline constexpr std::uint16_t nat_query_version = 2;
inline constexpr std::size_t nat_question_size = 80;
inline constexpr std::size_t nat_answer_size = 1280;
inline constexpr std::size_t nat_chain_name_max = 63;
inline constexpr std::size_t nat_process_max = 15;
inline constexpr std::size_t nat_path_max = 255;  ///< a longer path or rule is left out

/// What was wrong with a message. Part of the wire format: never renumber.
enum class nat_error : std::uint8_t {
  bad_version = 1,  ///< the answer to it carries the version that is spoken
  bad_size = 2,     ///< another number of bytes, or a size field that does not say so
  bad_message = 3,  ///< an unknown kind, a field that must be zero, an illegal endpoint, name or combination
  busy = 4,         ///< too many questions; ask again later
  internal = 5,     ///< the question could not be looked up
  forbidden = 6,    ///< only root, the service's user and the admin group may do that
  carried = 7,      ///< a live connection of omnilink's is not deleted; kill it instead
  full = 8,         ///< the table has no room for another flow
};

struct nat_question {
  /// Part of the wire format: never renumber.
  enum class kind : std::uint8_t {
    source = 1,       ///< by the source endpoint
    flow = 2,         ///< by source and local endpoint, and network namespace
    source_port = 3,  ///< by the source port alone; the source's family is 0
    descriptor =
        4,  ///< by the accepted socket that travels with the message (SCM_RIGHTS); both families are 0
    erase = 5,      ///< forget what comes from this source, or exactly this flow if `local` is given too
    stats = 6,      ///< the table's counters
    subscribe = 7,  ///< from now on, every flow that begins and ends, as far as the asker may see it
  };
  kind what = kind::source;
  core::protocol protocol = core::protocol::tcp;
  std::uint64_t token = 0;  ///< the asker's own; comes back in the answer
  std::uint64_t netns = 0;  ///< SO_NETNS_COOKIE, or 0: the service's own; 0 unless by flow
  core::endpoint source;  ///< as the accepting socket sees its peer; of lookups and erase, and the port is not 0
  core::endpoint local;   ///< the accepting socket's own address; by flow only; of erase, port 0: none is given
  std::uint64_t generation = 0;  ///< erase: only this use of the ports; 0: whichever it is


  friend bool operator==(const nat_question&, const nat_question&) = default;
};

/// Who moves a flow's bytes. Part of the wire format: never renumber.
enum class nat_carrier : std::uint8_t {
  omnilink = 1,
  other = 2,  ///< another program, which has announced the flow; it has a TTL
};

struct nat_flow {
  core::protocol protocol = core::protocol::tcp;
  nat_carrier carrier = nat_carrier::omnilink;
  std::uint64_t connection = 0;    ///< id in logs and in `omnilink connections`; 0: omnilink does not carry it
  std::uint64_t generation = 0;    ///< tells uses of the same ports apart
  std::uint64_t age_ms = 0;        ///< since it was accepted or announced
  std::uint64_t closed_ms = 0;     ///< since it ended; 0 while live
  std::uint64_t remaining_ms = 0;  ///< until it is forgotten; 0: never, while omnilink carries it
  std::uint32_t uid = 0xffffffff;  ///< of the program; 0xffffffff: unknown
  core::endpoint source;
  core::endpoint local;
  core::endpoint dialled;  ///< the address that the program dialled; a fake one for a name of our resolver
  core::target original;   ///< where it wanted to go
  std::uint64_t netns = 0;         ///< as in the question
  std::uint64_t cookie = 0;        ///< SO_COOKIE of the accepted socket; 0: unknown
  std::uint32_t pid = 0;           ///< of the program; 0: unknown
  std::uint32_t gid = 0xffffffff;  ///< likewise; 0xffffffff: unknown
  std::string process;  ///< likewise, like all texts here without control bytes; empty: unknown
  std::string exe;
  std::string cgroup;
  std::string rule;   ///< the filters that decided; empty: none did
  std::string chain;  ///< what carries it: at most nat_chain_name_max printable ASCII bytes; may be empty

  friend bool operator==(const nat_flow&, const nat_flow&) = default;
};

/// Of the whole table, since the service's start where it is not of now.
struct nat_counters {
  std::uint64_t live = 0;       ///< now, carried by omnilink
  std::uint64_t announced = 0;  ///< now, live and carried by another program
  std::uint64_t closed = 0;     ///< now, ended and still remembered
  std::uint64_t capacity = 0;
  std::uint64_t inserted = 0;
  std::uint64_t expired = 0;
  std::uint64_t refused = 0;   ///< for want of room
  std::uint64_t replaced = 0;  ///< the same ports were used again
  std::uint64_t erased = 0;

  friend bool operator==(const nat_counters&, const nat_counters&) = default;
};

struct nat_answer : nat_flow {
  /// Part of the wire format: never renumber. 12 is the announcement's.
  enum class status : std::uint8_t {
    live = 1,        ///< a flow; also the answer to an announcement: it is recorded so
    closed = 2,      ///< a flow that ended, still remembered
    ambiguous = 3,   ///< several flows match: ask with more; `matches` says how many
    miss = 4,        ///< none, or none that the asker may see
    error = 5,       ///< `error` says what
    erased = 6,      ///< `matches` flows are forgotten
    stats = 7,       ///< `counters`
    subscribed = 8,  ///< events follow
    opened = 9,      ///< event: this flow has begun
    ended = 10,      ///< event: this flow has ended, or was forgotten
    lost = 11,       ///< event: the subscriber was too slow for `matches` events here
  };
  status what = status::miss;
  nat_error error{};          ///< meaningful when `what` is error
  std::uint64_t token = 0;    ///< the question's
  std::uint32_t matches = 0;  ///< 1 for a flow, at least 2 when ambiguous, at least 1 when erased or lost, else 0
  nat_counters counters;      ///< of stats only; what nat_flow has is meaningful for a flow only

  bool is_flow() const noexcept;
  friend bool operator==(const nat_answer&, const nat_answer&) = default;
};

/// "Record this flow": `source`, `local` and `original` have ports; `carrier`, `connection`, `generation` and the times are the
/// service's to say and not sent. It is remembered for the service's TTL; the same flow announced again begins its TTL anew.
struct nat_announcement : nat_flow {
  std::uint64_t token = 0;

  friend bool operator==(const nat_announcement&, const nat_announcement&) = default;
};

std::array<std::uint8_t, nat_question_size> encode(const nat_question& question) noexcept;
/// A text that is too long or not legal is left out: the answer's reader would refuse it.
std::array<std::uint8_t, nat_answer_size> encode(const nat_answer& answer) noexcept;
std::array<std::uint8_t, nat_answer_size> encode(const nat_announcement& announcement) noexcept;

boost::system::result<nat_question, nat_error> decode_nat_question(bytes message);
boost::system::result<nat_answer, nat_error> decode_nat_answer(bytes message);
boost::system::result<nat_announcement, nat_error> decode_nat_announcement(bytes message);

/// The token of a question that could not be decoded, so that its error finds the asker; 0 where there is
/// none.
std::uint64_t nat_token_of(bytes message) noexcept;

}  // namespace omnilink::wire
