#include "wire/process_messages.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

constexpr std::uint32_t magic = 0x6f6c7072;  // "olpr"
constexpr std::uint8_t version = 1;
constexpr std::size_t name_room = process_name_max + 1;
constexpr std::size_t path_room = process_path_max + 1;
constexpr std::uint32_t unknown_gid = 0xffffffff;

// What the kernel has no process for: 0 and -1 stand for none.
constexpr std::uint32_t pid_max = std::numeric_limits<std::int32_t>::max();

bool is_clean(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void put_text(byte_writer& out, std::string_view text, std::size_t room) noexcept {
  if (text.size() >= room || !is_clean(text)) text = {};
  out.put(text);
  out.zeros(room - text.size());
}

// False: bytes behind the end, or what is no text.
bool take_text(byte_reader& in, std::size_t room, std::string& into) {
  const std::string_view all = as_text(in.take(room));
  const std::string_view text = all.substr(0, all.find('\0'));
  if (text.size() == all.size() || !is_clean(text)) return false;
  if (std::ranges::any_of(all.substr(text.size()), [](char c) { return c != '\0'; })) return false;
  into = text;
  return true;
}

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
  if (in.u32() != magic || in.u8() != version) return std::nullopt;
  const std::uint8_t found = in.u8();
  if (found > 1 || in.u16() != 0) return std::nullopt;
  process_answer out;
  out.sequence = in.u64();
  if (found == 0) {
    if (std::ranges::any_of(in.take(in.left()), [](std::uint8_t b) { return b != 0; })) return std::nullopt;
    return out;
  }
  core::program& who = out.found.emplace();
  who.pid = in.u32();
  if (*who.pid == 0 || *who.pid > pid_max) return std::nullopt;
  if (const std::uint32_t gid = in.u32(); gid != unknown_gid) who.gid = gid;
  if (!take_text(in, name_room, who.process) || !take_text(in, path_room, who.exe) || !take_text(in, path_room, who.cgroup)) return std::nullopt;
  return out;
}

}  // namespace omnilink::wire
