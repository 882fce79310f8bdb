#include "interceptor/listening_sockets.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "io/accept.hpp"

namespace omnilink::interceptor {
namespace {

namespace fs = std::filesystem;

// More than one program has, and a program that always has new children has an end.
constexpr std::size_t processes_max = 4096;

std::string folder_of(std::uint32_t pid) { return "/proc/" + std::to_string(pid); }

struct held_socket {
  int fd;
  std::uint64_t inode;
};

std::vector<held_socket> sockets_of(std::uint32_t pid) {
  constexpr std::string_view prefix = "socket:[";
  std::vector<held_socket> out;
  std::error_code ignored;
  for (const auto& one : fs::directory_iterator{folder_of(pid) + "/fd", ignored}) {
    const std::string target = fs::read_symlink(one.path(), ignored).string();
    const std::string name = one.path().filename().string();
    held_socket held{};
    if (!target.starts_with(prefix)) continue;
    std::from_chars(name.data(), name.data() + name.size(), held.fd);
    std::from_chars(target.data() + prefix.size(), target.data() + target.size(), held.inode);
    out.push_back(held);
  }
  return out;
}

// The process first.
std::vector<std::uint32_t> family_of(std::uint32_t pid) {
  std::vector<std::uint32_t> out{pid};
  std::error_code ignored;
  for (std::size_t i = 0; i < out.size() && out.size() < processes_max; ++i) {
    for (const auto& thread : fs::directory_iterator{folder_of(out[i]) + "/task", ignored}) {
      std::ifstream children{thread.path() / "children"};
      for (std::uint32_t child = 0; children >> child;) out.push_back(child);
    }
  }
  return out;
}

bool listens(int socket) noexcept {
  int yes = 0, protocol = 0;
  socklen_t size = sizeof yes;
  return ::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes != 0 &&
         ::getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
}

// proc(5), net/tcp: "sl local_address rem_address st … … … uid timeout inode", the port as four hexadecimal digits behind a colon.
void add_ports(const std::string& table, const std::vector<std::uint64_t>& inodes, std::vector<std::uint16_t>& into) {
  constexpr std::string_view listening = "0A";
  std::ifstream lines{table};
  std::string line, sl, local, remote, state, skipped;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream words{line};
    std::uint64_t inode = 0;
    words >> sl >> local >> remote >> state >> skipped >> skipped >> skipped >> skipped >> skipped >> inode;
    if (state != listening || std::ranges::find(inodes, inode) == inodes.end()) continue;
    std::uint16_t port = 0;
    std::from_chars(local.data() + local.find(':') + 1, local.data() + local.size(), port, 16);
    into.push_back(port);
  }
}

}  // namespace

std::vector<io::descriptor> listening_sockets(std::uint32_t pid, std::uint16_t port) {
  std::vector<io::descriptor> out;
  const io::descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!process) return out;
  for (const auto& held : sockets_of(pid)) {
    io::descriptor ours{static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), held.fd, 0))};
    if (ours && listens(ours.get()) && io::bound_address(ours.get()).port == port) out.push_back(std::move(ours));
  }
  return out;
}

std::vector<std::uint16_t> listening_ports(std::uint32_t pid) {
  std::vector<std::uint64_t> inodes;
  for (const std::uint32_t one : family_of(pid)) {
    for (const auto& held : sockets_of(one)) inodes.push_back(held.inode);
  }
  std::vector<std::uint16_t> out;
  for (const char* table : {"/net/tcp", "/net/tcp6"}) add_ports(folder_of(pid) + table, inodes, out);
  return out;
}

}  // namespace omnilink::interceptor
