// Somebody has taken the service over: each attack is made in a child that is confined as the service is.
#include "io/confinement.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "io/unix_socket.hpp"

namespace omnilink::io {
namespace {

namespace fs = std::filesystem;

// How a child ended that did this: minus the signal's number, or what it returned.
int ended(const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(act());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int confined(const std::function<int()>& act) {
  return ended([&] { return confine_system_calls(false).empty() ? act() : 100; });
}

int errno_of(long result) { return result < 0 ? errno : 0; }

struct system_calls : testing::Test {
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers trace and stop threads themselves: their builds allow more";
#endif
  }
};

TEST_F(system_calls, E_what_starts_programs_traces_mounts_or_changes_users_ends_the_process) {
  const long deadly[] = {SYS_execve,   SYS_execveat,    SYS_fork,          SYS_vfork,           SYS_ptrace,          SYS_process_vm_readv, SYS_process_vm_writev,
                         SYS_mount,    SYS_umount2,     SYS_pivot_root,    SYS_chroot,          SYS_setns,           SYS_unshare,          SYS_init_module,
                         SYS_setuid,   SYS_setresuid,   SYS_capset,        SYS_perf_event_open, SYS_open_by_handle_at, SYS_userfaultfd,    SYS_io_uring_setup,
                         SYS_kexec_load, SYS_finit_module, SYS_delete_module, SYS_reboot,        SYS_fsopen,          SYS_move_mount,       SYS_iopl};
  for (const long call : deadly)
    EXPECT_EQ(confined([call] { return errno_of(::syscall(call, 0, 0, 0, 0, 0, 0)); }), -SIGSYS) << "system call " << call;
  for (const int family : {AF_PACKET, AF_VSOCK})
    EXPECT_EQ(confined([family] { return errno_of(::socket(family, SOCK_RAW, 0)); }), -SIGSYS) << "family " << family;
}

TEST_F(system_calls, E_what_nobody_needs_is_refused) {
  const auto refused = [](const char* what, const std::function<long()>& call) {
    EXPECT_EQ(confined([&] { return errno_of(call()); }), EPERM) << what;
  };
  refused("load a BPF program", [] { return ::syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, 0); });
  refused("change a BPF map", [] { return ::syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, nullptr, 0); });
  refused("type into the terminal", [] { return static_cast<long>(::ioctl(0, TIOCSTI, "x")); });
  refused("signal others", [] { return static_cast<long>(::kill(::getppid(), 0)); });
  refused("a child by clone", [] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr); });
  refused("change nf_tables", [] { return static_cast<long>(::socket(AF_NETLINK, SOCK_RAW, 12)); });
  refused("crypto sockets", [] { return static_cast<long>(::socket(AF_ALG, SOCK_SEQPACKET, 0)); });
  refused("make code", [] { return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1L : 0L; });
  refused("be dumped", [] { return static_cast<long>(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); });
  refused("a device", [] { return ::syscall(SYS_mknodat, AT_FDCWD, "/tmp/never", S_IFCHR | 0600, 0); });
  refused("the kernel's keys", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); });
  refused("another filter", [] { return ::syscall(SYS_seccomp, 1, 0, nullptr); });
}

TEST_F(system_calls, E_a_map_of_BPF_may_be_asked) {
  EXPECT_NE(confined([] { return errno_of(::syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, nullptr, 0)); }), EPERM);
}

TEST_F(system_calls, what_the_service_does_goes_on) {
  EXPECT_EQ(confined([] {
              int done = 0;
              std::thread{[&done] { done = ::getpid(); }}.join();
              addrinfo* found = nullptr;
              const bool resolved = ::getaddrinfo("localhost", "80", nullptr, &found) == 0;
              int ends[2];
              const bool sockets = ::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0 && ::socket(AF_INET6, SOCK_STREAM, 0) >= 0;
              return done != 0 && resolved && sockets ? 0 : 1;
            }),
            0);
  EXPECT_EQ(confined([] { return ::raise(SIGTERM); }), -SIGTERM) << "it may end itself by a signal";
  EXPECT_EQ(ended([] {
              const pid_t child = ::fork();
              if (child == 0) for (;;) ::pause();
              if (!confine_system_calls(true).empty()) return 100;
              return ::kill(child, SIGKILL) == 0 && ::waitpid(child, nullptr, 0) == child ? 0 : 1;
            }),
            0);
}

TEST(files, E_only_those_that_are_named) {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1) GTEST_SKIP() << "this kernel has no Landlock";
  std::string folder = "/tmp/omnilink-confine-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::vector<std::string> read{"/etc", "/nowhere"}, sockets{folder};
  const auto in_child = [&](const std::function<int()>& act) {
    return ended([&] { return confine_files({read, sockets}).empty() ? act() : 100; });
  };
  EXPECT_EQ(in_child([] { return errno_of(::open("/etc/passwd", O_RDONLY)); }), 0);
  EXPECT_EQ(in_child([] { return errno_of(::open("/usr/bin/env", O_RDONLY)); }), EACCES);
  EXPECT_EQ(in_child([] { return errno_of(::open("/etc/passwd", O_RDWR)); }), EACCES);
  EXPECT_EQ(in_child([] { return errno_of(::open("/proc/1/fd", O_RDONLY)); }), EACCES);
  EXPECT_EQ(in_child([&] { return errno_of(::open((folder + "/file").c_str(), O_CREAT | O_WRONLY, 0600)); }), EACCES);
  EXPECT_EQ(in_child([] { return errno_of(::execl("/usr/bin/env", "env", nullptr)); }), EACCES);
  EXPECT_EQ(in_child([&] { return open_unix_listener(folder + "/s", unix_kind::stream, 0600).has_error() ? 1 : 0; }), 0);
  EXPECT_EQ(in_child([&] { return errno_of(::unlink((folder + "/s").c_str())); }), 0);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace omnilink::io
