// The question "which process holds this socket?", which the service asks netd because it may not look itself, and its answer:
// each one packet of fixed size, in network order, text padded with zeros. Each side takes the other for hostile, and both
// decoders accept only what the encoders produce.
//
//   question, 24 bytes                    answer, 2088 bytes
//    0 magic u32                           0 magic u32
//    4 version u8 (1)                      4 version u8 (1)
//    5 kind u8 (process_question::kind)    5 found u8 (0, 1; when 0 all that follows the sequence is zero)
//    6 zero u16                            6 zero u16
//    8 sequence u64                        8 sequence u64, the question's
//   16 number u64                         16 pid u32
//                                         20 gid u32
//                                         24 short name 16
//                                         40 path of the program 1024
//                                       1064 control group 1024
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/program.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

inline constexpr std::size_t process_question_size = 24;
inline constexpr std::size_t process_answer_size = 2088;
inline constexpr std::size_t process_name_max = 15;    ///< the kernel's limit
inline constexpr std::size_t process_path_max = 1023;  ///< a longer one counts as unknown

struct process_question {
  enum class kind : std::uint8_t {
    socket = 1,  ///< who holds the socket of this inode
    pid = 2,     ///< the process of this id
  };
  kind what = kind::socket;
  std::uint64_t number = 0;
  std::uint64_t sequence = 0;  ///< comes back in the answer
  friend bool operator==(const process_question&, const process_question&) = default;
};

struct process_answer {
  std::uint64_t sequence = 0;
  /// Without a uid, which the socket tells. nullopt: there is none, or it may not be looked at.
  std::optional<core::program> found;
  friend bool operator==(const process_answer&, const process_answer&) = default;
};

std::array<std::uint8_t, process_question_size> encode(const process_question& question) noexcept;
/// Text that is too long or has control bytes is left out: it counts as unknown.
std::array<std::uint8_t, process_answer_size> encode(const process_answer& answer) noexcept;

std::optional<process_question> decode_process_question(bytes packet);
std::optional<process_answer> decode_process_answer(bytes packet);

}  // namespace omnilink::wire
