#include "interceptor/probe_confinement.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "io/confinement.hpp"
#include "io/descriptor.hpp"

namespace omnilink::interceptor {

std::string try_system_call_list() {
  constexpr const char* remedy = "; it needs CONFIG_SECCOMP_FILTER, and a container that lets it: confine = false in [service] does without";
  if (std::string wrong = io::confine_system_calls(false); !wrong.empty()) return wrong + remedy;
  errno = 0;
  // A call that no service makes; it would succeed.
  if (::getpriority(PRIO_PROCESS, 0) != -1 || errno != EPERM) return std::string{"the list of system calls is taken, but not in force"} + remedy;
  return {};
}

std::string try_file_list() {
  if (std::string wrong = io::why_no_landlock(); !wrong.empty()) return wrong + "; without it the service can read what its user can";
  if (std::string wrong = io::confine_files({}); !wrong.empty()) return wrong + "; confine = false in [service] does without";
  if (const io::descriptor root{::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)}) return "the list of files is taken, but not in force";
  return {};
}

}  // namespace omnilink::interceptor
