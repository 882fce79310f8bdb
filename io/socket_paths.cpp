#include "io/socket_paths.hpp"

#include <unistd.h>

#include <cstdlib>

namespace omnilink::io {
namespace {

constexpr const char* system_directory = "/run/omnilink";

}  // namespace

std::string socket_directory() {
  // systemd's RuntimeDirectory=, several with colons between.
  if (const char* given = ::getenv("RUNTIME_DIRECTORY"); given && *given == '/') {
    const std::string all{given};
    return all.substr(0, all.find(':'));
  }
  if (::geteuid() == 0) return system_directory;
  const char* runtime = ::getenv("XDG_RUNTIME_DIR");
  return runtime && *runtime == '/' ? std::string{runtime} + "/omnilink" : std::string{};
}

std::string find_socket(const std::string& name) {
  const std::string own = socket_directory();
  if (!own.empty() && ::access((own + "/" + name).c_str(), F_OK) == 0) return own + "/" + name;
  return std::string{system_directory} + "/" + name;
}

}  // namespace omnilink::io
