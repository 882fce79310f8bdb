#include "cli/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "io/descriptor.hpp"

namespace omnilink::cli {

std::string write_ready(int fd, const std::vector<core::endpoint>& listening) {
  const io::descriptor out{fd};
  std::string text;
  for (const core::endpoint& where : listening) text += where.to_string() + "\n";
  // A few lines fit into every pipe, so there is one write or none.
  const ssize_t written = ::write(out.get(), text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) return {};
  return "--ready-fd " + std::to_string(fd) + ": " +
         std::generic_category().message(written < 0 ? errno : EPIPE);
}

void notify_supervisor(std::string_view state) noexcept {
  const char* path = ::getenv("NOTIFY_SOCKET");
  sockaddr_un where{};
  if (!path || (*path != '/' && *path != '@') || std::strlen(path) >= sizeof where.sun_path) return;
  where.sun_family = AF_UNIX;
  std::strcpy(where.sun_path, path);
  if (*path == '@') where.sun_path[0] = '\0';  // an abstract name
  const io::descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  // Nobody to tell is no reason to stop: the supervisor then says so itself.
  ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&where),
           size);
}

}  // namespace omnilink::cli
