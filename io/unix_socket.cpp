#include "io/unix_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "io/error.hpp"

namespace omnilink::io {
namespace {

constexpr int unix_backlog = 128;
// More than one is never asked for; what does not fit the kernel closes itself.
constexpr std::size_t passed_max = 8;

std::string failure(const std::string& path, const char* step, const char* remedy = "") {
  return "\"" + path + "\": " + step + ": " + std::strerror(errno) + remedy;
}

descriptor make_socket(unix_kind kind) noexcept {
  const int type = kind == unix_kind::seqpacket ? SOCK_SEQPACKET : SOCK_STREAM;
  return descriptor{::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

std::optional<sockaddr_un> name_for(const std::string& path) noexcept {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) return std::nullopt;
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

// Empty: `path` is free, or holds a socket that nobody listens on.
std::string check_free(const std::string& path, const sockaddr_un& name, unix_kind kind) {
  struct stat found;
  if (::lstat(path.c_str(), &found) != 0) return errno == ENOENT ? std::string{} : failure(path, "stat");
  if (!S_ISSOCK(found.st_mode)) return "\"" + path + "\": exists and is not a socket; choose another path";
  const descriptor probe = make_socket(kind);
  if (!probe) return failure(path, "socket");
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    if (errno == ECONNREFUSED) return {};
    if (errno == EACCES) return failure(path, "another user's socket", "; remove it, or choose another path");
  }
  return "\"" + path + "\": another program listens there; end it, or choose another path";
}

// A directory that only we may enter, beside the socket's final place; removed when done.
class private_directory {
 public:
  explicit private_directory(const std::string& path) : name_{parent_of(path) + ".omnilink-XXXXXX"} {
    made_ = ::mkdtemp(name_.data()) != nullptr;
  }
  ~private_directory() {
    if (!made_) return;
    ::unlink(inside().c_str());
    ::rmdir(name_.c_str());
  }
  private_directory(const private_directory&) = delete;
  private_directory& operator=(const private_directory&) = delete;
  bool made() const noexcept { return made_; }
  std::string inside() const { return name_ + "/s"; }

 private:
  static std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string{} : path.substr(0, slash + 1);
  }
  std::string name_;
  bool made_ = false;
};

}  // namespace

boost::system::result<descriptor, std::string> open_unix_listener(const std::string& path, unix_kind kind,
                                                                  mode_t mode) {
  const auto final_name = name_for(path);
  if (!final_name) return "\"" + path + "\": a socket's path has 1 to 107 bytes; choose another path";
  if (const auto error = check_free(path, *final_name, kind); !error.empty()) return error;

  const private_directory hidden{path};
  if (!hidden.made()) return failure(path, "mkdtemp", "; the socket's directory must exist and be writable");
  const auto name = name_for(hidden.inside());
  if (!name) return "\"" + path + "\": too long by some bytes; choose another path";
  descriptor made = make_socket(kind);
  if (!made) return failure(path, "socket");
  if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name) != 0)
    return failure(path, "bind");
  if (::chmod(hidden.inside().c_str(), mode) != 0) return failure(path, "chmod");
  if (::listen(made.get(), unix_backlog) != 0) return failure(path, "listen");
  if (::rename(hidden.inside().c_str(), path.c_str()) != 0) return failure(path, "rename");
  return made;
}

std::optional<unix_peer> peer_of(int socket) noexcept {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
  return unix_peer{who.uid, who.gid, who.pid};
}

int send_passing(int socket, std::span<const std::uint8_t> data, std::span<const int> passed) noexcept {
  if (passed.size() > passed_most) return EINVAL;
  iovec part{const_cast<std::uint8_t*>(data.data()), data.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(passed_most * sizeof(int))> ancillary{};
  msghdr out{};
  out.msg_iov = &part;
  out.msg_iovlen = 1;
  if (!passed.empty()) {
    out.msg_control = ancillary.data();
    out.msg_controllen = CMSG_SPACE(passed.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&out);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(passed.size_bytes());
    std::memcpy(CMSG_DATA(head), passed.data(), passed.size_bytes());
  }
  ssize_t sent;
  do sent = ::sendmsg(socket, &out, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return errno;
  return static_cast<std::size_t>(sent) == data.size() ? 0 : EMSGSIZE;
}

core::errc send_message(int socket, std::span<const std::uint8_t> data) noexcept {
  if (::send(socket, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return core::errc::ok;
  return errno == EAGAIN ? core::errc::not_found : to_errc_from_errno(errno);
}

unix_message receive_message(int socket, std::span<std::uint8_t> into) noexcept {
  unix_message out;
  iovec space{into.data(), into.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(passed_max * sizeof(int))> ancillary{};
  msghdr message{};
  message.msg_iov = &space;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.data();
  message.msg_controllen = ancillary.size();
  ssize_t n;
  do n = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) {
    out.system_errno = errno;
    out.code = errno == EAGAIN ? core::errc::not_found : to_errc_from_errno(errno);
    return out;
  }
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t i = 0; i < (each->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
      descriptor received{fd};
      if (!out.passed) {
        out.passed = std::move(received);
      } else {
        out.more.push_back(std::move(received));
      }
    }
  }
  out.size = static_cast<std::size_t>(n);
  if (n == 0) out.code = core::errc::closed_early;
  if (message.msg_flags & MSG_TRUNC) out.code = core::errc::oversized;
  return out;
}

}  // namespace omnilink::io
