#include "interceptor/processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <memory>
#include <string>
#include <string_view>

#include "interceptor/packet_channel.hpp"

namespace omnilink::interceptor {
namespace {

// Programs that are tried before all others.
constexpr std::size_t recent_max = 64;
// Descriptors that one question looks at: about a tenth of a second. On a machine with more of them the answer is "unknown".
constexpr std::size_t links_max = 200'000;
// netd needs milliseconds, and lets others wait for as long as it has been busy with us.
constexpr timeval asking_timeout{.tv_sec = 1, .tv_usec = 0};

struct close_directory {
  void operator()(DIR* open) const noexcept { ::closedir(open); }
};
using directory = std::unique_ptr<DIR, close_directory>;

std::string path_of(std::uint32_t pid, std::string_view what) { return "/proc/" + std::to_string(pid) + "/" + std::string{what}; }

// 0: no number.
std::uint32_t pid_of(std::string_view name) noexcept {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), out);
  return error == std::errc{} && end == name.data() + name.size() ? out : 0;
}

// Empty: there is none, or it may not be read.
std::string read_link(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t size = ::readlink(path.c_str(), text, sizeof text);
  return size > 0 && size < PATH_MAX ? std::string{text, static_cast<std::size_t>(size)} : std::string{};
}

std::string read_file(const std::string& path) {
  const io::descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  char text[4096];
  const ssize_t size = file ? ::read(file.get(), text, sizeof text) : -1;
  return size > 0 ? std::string{text, static_cast<std::size_t>(size)} : std::string{};
}

// What stands behind `key` in its line.
std::string_view line_after(std::string_view text, std::string_view key) noexcept {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(key)) return line.substr(key.size());
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return {};
}

// A program whose file was replaced meanwhile is still the one that its path names.
std::string exe_of(std::uint32_t pid) {
  constexpr std::string_view replaced = " (deleted)";
  std::string path = read_link(path_of(pid, "exe"));
  if (path.ends_with(replaced)) path.resize(path.size() - replaced.size());
  return path;
}

std::string name_of(std::uint32_t pid) {
  std::string name = read_file(path_of(pid, "comm"));
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

// "Gid: real effective saved file-system"
std::optional<std::uint32_t> gid_of(std::uint32_t pid) {
  const std::string status = read_file(path_of(pid, "status"));
  std::string_view ids = line_after(status, "Gid:\t");
  ids.remove_prefix(std::min(ids.size(), ids.find('\t') + 1));
  std::uint32_t gid = 0;
  const auto [end, error] = std::from_chars(ids.data(), ids.data() + ids.size(), gid);
  return error == std::errc{} ? std::optional{gid} : std::nullopt;
}

core::program describe(std::uint32_t pid) {
  core::program out;
  out.pid = pid;
  out.gid = gid_of(pid);
  out.exe = exe_of(pid);
  out.process = name_of(pid);
  const std::string groups = read_file(path_of(pid, "cgroup"));
  out.cgroup = line_after(groups, "0::");
  return out;
}

// Counts the descriptors that it looks at.
bool holds(std::uint32_t pid, std::string_view socket, std::size_t& looked_at) {
  const directory all{::opendir(path_of(pid, "fd").c_str())};
  if (!all) return false;
  while (const dirent* one = ::readdir(all.get())) {
    if (++looked_at > links_max) return false;
    char link[64];
    const ssize_t size = ::readlinkat(::dirfd(all.get()), one->d_name, link, sizeof link);
    if (size > 0 && std::string_view{link, static_cast<std::size_t>(size)} == socket) return true;
  }
  return false;
}

}  // namespace

std::optional<std::uint32_t> proc_processes::holder_of(std::uint64_t inode) {
  const std::string socket = "socket:[" + std::to_string(inode) + "]";
  std::size_t looked_at = 0;
  const auto known = std::ranges::find_if(recent_, [&](std::uint32_t pid) { return holds(pid, socket, looked_at); });
  if (known != recent_.end()) {
    const std::uint32_t pid = *known;
    recent_.erase(known);
    recent_.push_front(pid);
    return pid;
  }
  const directory all{::opendir("/proc")};
  while (const dirent* one = all ? ::readdir(all.get()) : nullptr) {
    const std::uint32_t pid = pid_of(one->d_name);
    if (pid == 0 || !holds(pid, socket, looked_at)) continue;
    recent_.push_front(pid);
    if (recent_.size() > recent_max) recent_.pop_back();
    return pid;
  }
  return std::nullopt;
}

std::optional<core::program> proc_processes::find(const wire::process_question& asked) {
  if (asked.what == wire::process_question::kind::pid) {
    core::program out = describe(static_cast<std::uint32_t>(asked.number));
    return out.process.empty() ? std::nullopt : std::optional{std::move(out)};
  }
  const auto pid = holder_of(asked.number);
  if (!pid) return std::nullopt;
  core::program out = describe(*pid);
  // Had it ended meanwhile, its number could be another one's by now.
  std::size_t looked_at = 0;
  if (!holds(*pid, "socket:[" + std::to_string(asked.number) + "]", looked_at)) return std::nullopt;
  return out;
}

netd_processes::netd_processes(io::descriptor channel) : channel_{std::move(channel)} {
  ::setsockopt(channel_.get(), SOL_SOCKET, SO_RCVTIMEO, &asking_timeout, sizeof asking_timeout);
}

std::optional<core::program> netd_processes::find(const wire::process_question& asked) {
  wire::process_question question = asked;
  question.sequence = ++sequence_;
  if (!send_packet(channel_.get(), wire::encode(question))) return std::nullopt;
  for (;;) {
    const auto packet = receive_packet(channel_.get(), wire::process_answer_size);
    if (!packet) return std::nullopt;
    auto answer = wire::decode_process_answer(packet->data);
    if (!answer) return std::nullopt;
    if (answer->sequence == question.sequence) return std::move(answer->found);  // else the late one to an earlier question
  }
}

bool answer_process_question(int channel, process_finder& by) {
  const auto packet = receive_packet(channel, wire::process_question_size);
  const auto asked = packet ? wire::decode_process_question(packet->data) : std::nullopt;
  if (!asked) return false;
  return send_packet(channel, wire::encode(wire::process_answer{asked->sequence, by.find(*asked)}));
}

}  // namespace omnilink::interceptor
