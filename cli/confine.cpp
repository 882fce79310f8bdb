#include "cli/confine.hpp"

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "actors/rules.hpp"
#include "io/confinement.hpp"

namespace omnilink::cli {
namespace {

// Names, accounts, time zones, authorities, the libraries behind nsswitch.conf, and what /proc and the control group say of memory.
// Directories, not files: a resolv.conf that is replaced is another file.
std::vector<std::string> needed_always() {
  std::vector<std::string> out{"/etc", "/usr", "/lib", "/lib64", "/proc", "/sys/fs/cgroup", "/dev/null", "/dev/urandom",
                               "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"};
  for (const char* authorities : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    if (const char* where = std::getenv(authorities)) out.emplace_back(where);
  }
  return out;
}

}  // namespace

std::string confine(const settings& of, bool files_are_lent) {
  if (!of.confine) return {};
  // Who may read nothing of other processes' cannot be asked which of them holds a socket.
  const bool looks_into_proc = !files_are_lent && actors::asks_for_processes(of.service);
  if (!looks_into_proc) {
    // Its file may be anywhere, and is another one after it was edited.
    const std::vector<std::string> readable = files_are_lent ? needed_always() : std::vector<std::string>{"/"};
    std::vector<std::string> sockets;
    for (const std::string& path : {of.service.query_socket, of.service.admin_socket}) {
      if (!path.empty()) sockets.push_back(std::filesystem::absolute(path).parent_path().string());
    }
    if (std::string wrong = io::confine_files({readable, sockets}); !wrong.empty()) return wrong + "; confine = false in [service] does without";
  }
  std::string wrong = io::confine_system_calls(false);
  return wrong.empty() ? wrong : wrong + "; confine = false in [service] does without";
}

}  // namespace omnilink::cli
