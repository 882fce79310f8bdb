#include "cli/notify.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "io/descriptor.hpp"
#include "io/unix_client.hpp"

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

void notify_supervisor(std::string_view state) {
  // Nobody to tell is no reason to stop: the supervisor then says so itself.
  if (const char* address = ::getenv("NOTIFY_SOCKET")) io::send_unix_datagram(address, state);
}

}  // namespace omnilink::cli
