// What a private service and the library that started it say to each other: may this connection go, and how did it end? Each is one
// packet of fixed size on a unix SEQPACKET socket, in network order; what is not used is zero, text is padded with zeros. Each side takes
// the other for hostile, and the decoders accept only what the encoders produce.
//
//   all            0 magic u32   4 version u8 (1)   5 kind u8   6 zero u16        endpoints: message_fields.hpp
//
//   offer (1), 2064 bytes: the library's first word          answer (3), 368 bytes
//     8 wants verdicts u8 (0, 1)                                8 token u64, the question's
//     9 count u8                                               16 action u8 (callout_answer::what)
//    10 zero 6                                                 17 zero 7
//    16 names of its callouts, 32 of 64                        24 address and port (redirect only; 0: as it is)
//                                                              44 zero 4
//   question (2), 1464 bytes                                   48 name 256 (redirect only; excludes the address)
//     8 token u64                                             304 chain 64 (chain only)
//    16 connection u64
//    24 layer u8 (callout_question::layer)                   verdict (4), 1440 bytes
//    25 zero 3                                                  8 connection u64
//    28 limit, milliseconds u32                                16 bytes up u64, 24 bytes down u64
//    32 source                                                 32 duration, milliseconds u64
//    52 the accepted socket's own address                      40 code u8 (core::errc)   41 step u8 (core::step)
//    72 destination (no address: a name, or unknown)           42 hop u16; 0xffff: none
//    92 pid u32; 0: unknown                                    44 errno u32
//    96 uid u32, 100 gid u32; 0xffffffff: unknown              48 reply u16   50 zero 2
//   104 callout 64                                             52 verdicts that were left out before it u32
//   168 filter 256                                             56 source
//   424 name of the destination 256                            76 where it wanted to go (no address: a name, or unknown)
//   680 listener 256                                           96 its name 256
//   936 process 16                                            352 chain 64, 416 rule 256, 672 hop 256
//   952 exe 256                                               928 one line for people 512
//  1208 control group 256
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/endpoint.hpp"
#include "core/program.hpp"
#include "core/verdict.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

inline constexpr std::size_t callout_offer_size = 2064, callout_question_size = 1464, callout_answer_size = 368, callout_verdict_size = 1440;
inline constexpr std::size_t callouts_max = 32;      ///< of one library
inline constexpr std::size_t callout_name_max = 63;  ///< as a configuration has it
inline constexpr std::size_t callout_text_max = 511;

struct callout_offer {
  bool wants_verdicts = false;
  std::vector<std::string> names;  ///< at most callouts_max, each of 1 to callout_name_max bytes, all different
  friend bool operator==(const callout_offer&, const callout_offer&) = default;
};

struct callout_question {
  enum class layer : std::uint8_t { accept = 1, connect_redirect = 2, connect_auth = 3 };
  std::uint64_t token = 0;  ///< comes back in the answer
  std::uint64_t connection = 0;
  layer at = layer::connect_auth;
  std::uint32_t limit_ms = 0;  ///< an answer later than this is none
  core::endpoint source, local;
  core::target destination;  ///< port 0: not known yet
  core::program program;     ///< as far as it is known; without its namespace
  std::string callout;
  std::string filter, listener;  ///< empty where they are longer than the room for them
  friend bool operator==(const callout_question&, const callout_question&) = default;
};

struct callout_answer {
  enum class what : std::uint8_t {
    none = 0,  ///< what the configuration says where there is no answer
    go_on = 1,
    permit = 2,
    block = 3,   ///< without an answer to the client
    reject = 4,
    redirect = 5,
    direct = 6,
    chain = 7,
  };
  std::uint64_t token = 0;
  what action = what::none;
  // of a redirect: at least one of them, but not name and address
  std::optional<core::address> address;
  std::string name;
  std::uint16_t port = 0;  ///< 0: as it is
  std::string chain;       ///< of `chain`: its name
  friend bool operator==(const callout_answer&, const callout_answer&) = default;
};

struct callout_verdict {
  std::uint64_t connection = 0;
  std::uint64_t up = 0, down = 0;
  std::uint64_t duration_ms = 0;
  core::errc code = core::errc::ok;
  core::step step = core::step::none;
  int hop = core::verdict::no_hop;
  std::uint32_t system_errno = 0;
  std::uint16_t reply = 0;
  std::uint32_t lost = 0;
  core::endpoint source;
  core::target original;  ///< port 0: the client never said
  std::string chain, rule, hop_name;
  std::string text;       ///< cut to callout_text_max
  friend bool operator==(const callout_verdict&, const callout_verdict&) = default;
};

/// Texts that do not fit, or have control bytes, are left out.
std::array<std::uint8_t, callout_offer_size> encode(const callout_offer& offer) noexcept;
std::array<std::uint8_t, callout_question_size> encode(const callout_question& question) noexcept;
std::array<std::uint8_t, callout_answer_size> encode(const callout_answer& answer) noexcept;
std::array<std::uint8_t, callout_verdict_size> encode(const callout_verdict& verdict) noexcept;

std::optional<callout_offer> decode_callout_offer(bytes packet);
std::optional<callout_question> decode_callout_question(bytes packet);
std::optional<callout_answer> decode_callout_answer(bytes packet);
std::optional<callout_verdict> decode_callout_verdict(bytes packet);

/// Of an answer whose rest may be wrong; 0: it is none.
std::uint64_t callout_token_of(bytes packet) noexcept;

}  // namespace omnilink::wire
