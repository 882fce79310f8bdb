#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "io/confinement.hpp"

namespace omnilink::io {
namespace {

// AddressSanitizer and ThreadSanitizer stop all threads, trace them and change their memory at the end of a process.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// By what they are for. libseccomp passes over a name that this architecture does not have.
constexpr const char* allowed[] = {
    // bytes
    "read", "write", "readv", "writev", "pread64", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "splice", "pipe2",
    "lseek", "close", "dup", "dup2", "dup3", "fcntl",
    // sockets; socket(2) itself is below
    "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt",
    // waiting
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6", "eventfd2",
    "timerfd_create", "timerfd_settime", "signalfd4", "futex", "nanosleep", "clock_nanosleep", "sched_yield", "restart_syscall",
    // files: which ones is Landlock's, and the permissions', to say
    "open", "openat", "stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents64", "getcwd", "chdir", "mkdir", "rmdir", "unlink", "rename", "chmod",
    // memory and threads; mmap(2), mprotect(2) and clone(2) are below
    "brk", "munmap", "mremap", "madvise", "mincore", "membarrier", "exit", "exit_group", "set_robust_list", "rseq", "set_tid_address",
    "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    // signals of its own
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack",
    // about itself
    "getpid", "gettid", "getppid", "getpgrp", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "uname", "sysinfo",
    "getrusage", "getrlimit", "setrlimit", "prlimit64", "getrandom", "getcpu", "umask", "times",
    // time
    "clock_gettime", "clock_getres", "gettimeofday", "time",
};

constexpr const char* deadly[] = {
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "mount", "umount2", "move_mount",
    "open_tree", "fsopen", "fsmount", "pivot_root", "chroot", "setns", "unshare", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "reboot", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset", "perf_event_open",
    "userfaultfd", "open_by_handle_at", "io_uring_setup", "ioperm", "iopl",
};

constexpr const char* for_sanitizers[] = {"clone", "clone3", "ptrace", "wait4", "prctl", "mmap", "mprotect", "tgkill", "kill", "personality", "getdents",
                                          "process_vm_readv", "setrlimit", "sched_setaffinity", "memfd_create"};

class filter {
 public:
  filter() : context_{::seccomp_init(SCMP_ACT_ERRNO(EPERM))} {}
  ~filter() {
    if (context_ != nullptr) ::seccomp_release(context_);
  }
  filter(const filter&) = delete;
  filter& operator=(const filter&) = delete;

  /// For calls whose arguments all fit the conditions; the first error stays.
  void add(std::uint32_t what, const char* call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int number = ::seccomp_syscall_resolve_name(call);
    if (error_ != 0 || number == __NR_SCMP_ERROR) return;
    error_ = ::seccomp_rule_add_array(context_, what, number, static_cast<unsigned>(conditions.size()), conditions.begin());
    // A rule that does what is done anyway.
    if (error_ == -EACCES || error_ == -EEXIST) error_ = 0;
  }
  void allow(const char* call, std::initializer_list<scmp_arg_cmp> conditions = {}) { add(SCMP_ACT_ALLOW, call, conditions); }

  int load() {
    if (context_ == nullptr) return -ENOMEM;
    // As a tree: a call costs what six comparisons cost.
    ::seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    ::seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    return error_ != 0 ? error_ : ::seccomp_load(context_);
  }

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
};

scmp_arg_cmp is(unsigned argument, std::uint64_t value) { return SCMP_CMP64(argument, SCMP_CMP_EQ, value); }

void allow_sockets(filter& to) {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX}) to.allow("socket", {is(0, static_cast<std::uint64_t>(family))});
  // getaddrinfo(3) asks for this machine's addresses, the query socket for the owners of connections.
  for (const int protocol : {NETLINK_ROUTE, NETLINK_SOCK_DIAG})
    to.allow("socket", {is(0, AF_NETLINK), is(2, static_cast<std::uint64_t>(protocol))});
  for (const int family : {AF_PACKET, AF_KEY, AF_VSOCK, AF_BLUETOOTH}) to.add(SCMP_ACT_KILL_PROCESS, "socket", {is(0, static_cast<std::uint64_t>(family))});
}

// No memory is both written and executed.
void allow_memory(filter& to) {
  constexpr std::uint64_t both = PROT_WRITE | PROT_EXEC;
  for (const char* call : {"mmap", "mprotect"}) {
    for (const std::uint64_t one : {0, PROT_WRITE, PROT_EXEC}) to.allow(call, {SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, both, one)});
  }
}

void allow_threads(filter& to) {
  to.allow("clone", {SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)});
  // Its flags are in memory, where no filter sees them; the C library then uses clone.
  to.add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  to.allow("prctl", {is(0, PR_SET_NAME)});
  to.allow("prctl", {is(0, PR_GET_NAME)});
  to.allow("prctl", {is(0, PR_SET_DUMPABLE), is(1, 0)});
  to.allow("prctl", {is(0, PR_SET_VMA)});
  const auto self = static_cast<std::uint64_t>(::getpid());
  to.allow("tgkill", {is(0, self)});
  to.allow("kill", {is(0, self)});
}

// Not TIOCSTI, which types into the terminal of whoever started the service.
void allow_devices(filter& to) {
  for (const unsigned long request : std::initializer_list<unsigned long>{FIONREAD, FIONBIO, FIOCLEX, TIOCOUTQ, TCGETS, SIOCGIFNAME, SIOCGIFINDEX})
    to.allow("ioctl", {is(1, request)});
}

}  // namespace

std::string confine_system_calls(bool has_children) {
  filter all;
  if constexpr (sanitized) {
    for (const char* call : for_sanitizers) all.allow(call);
  } else {
    allow_memory(all);
    allow_threads(all);
    for (const char* call : deadly) all.add(SCMP_ACT_KILL_PROCESS, call);
  }
  for (const char* call : allowed) all.allow(call);
  allow_sockets(all);
  allow_devices(all);
  for (const char* call : {"wait4", "waitid", "kill"}) {
    if (has_children) all.allow(call);
  }
  all.allow("bpf", {is(0, BPF_MAP_LOOKUP_ELEM)});
  const int error = all.load();
  return error == 0 ? std::string{} : std::string{"seccomp: "} + std::strerror(-error);
}

}  // namespace omnilink::io
