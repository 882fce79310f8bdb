#include "interceptor/bpf/load_failure.hpp"

#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace omnilink::interceptor::bpf {
namespace {

std::mutex one_listens;
std::string said;

int listen_to(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  const auto end = said.size();
  said.resize(end + static_cast<std::size_t>(size) + 1);
  std::vsnprintf(said.data() + end, static_cast<std::size_t>(size) + 1, format, again);
  va_end(again);
  said.pop_back();  // the null
  return size;
}

// The line before the verifier's statistics.
std::string verifier_reason() {
  const auto end = said.rfind("\nprocessed ");
  if (end == said.npos) return {};
  const auto begin = said.rfind('\n', end - 1);
  return said.substr(begin + 1, end - begin - 1);
}

}  // namespace

listening::listening() : alone_{one_listens}, before_{reinterpret_cast<void (*)()>(libbpf_set_print(listen_to))} { said.clear(); }

listening::~listening() { libbpf_set_print(reinterpret_cast<libbpf_print_fn_t>(before_)); }

failure load_failure(int system_errno, std::string_view other_way) {
  const std::string end{other_way};
  if (system_errno == EPERM)
    return {system_errno, "the kernel lets this process load no BPF program: run as root, with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN" + end};
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    return {system_errno, "this kernel does not describe its structures (no /sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF" + end};
  const std::string reason = verifier_reason();
  return {system_errno, "the kernel refuses the programs: " + (reason.empty() ? std::string{std::strerror(system_errno)} : reason) + end};
}

}  // namespace omnilink::interceptor::bpf
