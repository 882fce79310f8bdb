// In place of hooks.cpp where OMNILINK_BPF is off.
#include "interceptor/cgroup/hooks.hpp"

#include <cerrno>

namespace omnilink::interceptor::cgroup {

struct hooks::state {};

bool built_in() noexcept { return false; }

hooks::hooks() = default;
hooks::~hooks() = default;
std::optional<failure> hooks::install(const std::vector<attachment>& wanted) {
  if (wanted.empty()) return std::nullopt;
  return try_load();
}
void hooks::leave_alone(pid_t) {}
int hooks::origins_fd() const noexcept { return -1; }
int hooks::exe_paths_fd() const noexcept { return -1; }
bool hooks::guards() const noexcept { return false; }
void hooks::withdraw() noexcept {}
int hooks::news_fd() const noexcept { return -1; }
std::string hooks::hear_news() { return {}; }

std::optional<failure> try_load() { return failure{ENOSYS, "not in this build (OMNILINK_BPF=OFF); redirect listeners are"}; }

}  // namespace omnilink::interceptor::cgroup
