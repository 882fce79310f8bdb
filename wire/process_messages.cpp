#include "wire/process_messages.hpp"

#include <algorithm>
#include <limits>

#include "wire/message_fields.hpp"

namespace omnilink::wire {
namespace {

constexpr std::uint32_t magic = 0x6f6c7072;  // "olpr"
constexpr std::uint8_t version = 1;
constexpr std::size_t name_room = process_name_max + 1;
constexpr std::size_t path_room = process_path_max + 1;
constexpr std::uint32_t unknown_gid = 0xffffffff;

// What the kernel has no process for: 0 and -1 stand for none.
constexpr std::uint32_t pid_max = std::numeric_limits<std::int32_t>::max();

}  // namespace

std::array<std::uint8_t, process_question_size> encode(const process_question& question) noexcept {
  std::array<std::uint8_t, process_question_size> packet{};
  byte_writer out{packet};
  out.u32(magic);
  out.u8(version);
  out.u8(static_cast<std::uint8_t>(question.what));
  out.u16(0);
  out.u64(question.sequence);
  out.u64(question.number);
  return packet;
}

std::array<std::uint8_t, process_answer_size> encode(const process_answer& answer) noexcept {
  std::array<std::uint8_t, process_answer_size> packet{};
  byte_writer out{packet};
  const bool found = answer.found && answer.found->pid;
  out.u32(magic);
  out.u8(version);
  out.u8(found);
  out.u16(0);
  out.u64(answer.sequence);
  if (!found) return packet;
  out.u32(*answer.found->pid);
  out.u32(answer.found->gid.value_or(unknown_gid));
  put_text(out, answer.found->process, name_room);
  put_text(out, answer.found->exe, path_room);
  put_text(out, answer.found->cgroup, path_room);
  return packet;
}

std::optional<process_question> decode_process_question(bytes packet) {
  if (packet.size() != process_question_size) return std::nullopt;
  byte_reader in{packet};
  if (in.u32() != magic || in.u8() != version) return std::nullopt;
  process_question out;
  out.what = static_cast<process_question::kind>(in.u8());
  if (in.u16() != 0) return std::nullopt;
  out.sequence = in.u64();
  out.number = in.u64();
  if (out.number == 0) return std::nullopt;
  if (out.what == process_question::kind::socket) return out;
  if (out.what != process_question::kind::pid || out.number > pid_max) return std::nullopt;
  return out;
}

std::optional<process_answer> decode_process_answer(bytes packet) {
  if (packet.size() != process_answer_size) return std::nullopt;
  byte_reader in{packet};
  in.take(5);
  const bool found = in.u8() != 0;
  in.u16();
  process_answer out;
  out.sequence = in.u64();
  if (found) {
    core::program& who = out.found.emplace();
    who.pid = in.u32();
    if (*who.pid == 0 || *who.pid > pid_max) return std::nullopt;
    if (const std::uint32_t gid = in.u32(); gid != unknown_gid) who.gid = gid;
    who.process = take_text(in, name_room);
    who.exe = take_text(in, path_room);
    who.cgroup = take_text(in, path_room);
  }
  // Whatever else is wrong shows in this: it is not what we would have sent.
  if (!std::ranges::equal(encode(out), packet)) return std::nullopt;
  return out;
}

}  // namespace omnilink::wire
