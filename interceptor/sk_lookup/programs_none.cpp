// In place of programs.cpp where OMNILINK_BPF is off.
#include <cerrno>

#include "interceptor/sk_lookup/programs.hpp"

namespace omnilink::interceptor::sk_lookup {

struct programs::state {};

programs::programs() = default;
programs::~programs() = default;
std::optional<failure> programs::install(const std::vector<attachment>& wanted) {
  if (wanted.empty()) return std::nullopt;
  return try_attach();
}
bool programs::guards() const noexcept { return false; }
void programs::withdraw() noexcept {}
int programs::news_fd() const noexcept { return -1; }
void programs::hear_news() {}

std::optional<failure> try_attach() { return failure{ENOSYS, "not in this build (OMNILINK_BPF=OFF); redirect listeners are"}; }

}  // namespace omnilink::interceptor::sk_lookup
