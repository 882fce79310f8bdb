#include "capi/child_service.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "io/descriptor.hpp"

namespace omnilink::capi {
namespace {

// It has nothing to finish: INT ends it at once.
constexpr std::chrono::seconds time_to_end{2};
// Of what it says, the end: the reason why it ended is there.
constexpr std::size_t said_max = 4096;
constexpr int config_fd = 3, ready_fd = 4, library_fd = 5;  // in the child

struct ends {
  io::descriptor read, write;
};

bool open_pipe(ends& into) noexcept {
  int both[2];
  if (::pipe2(both, O_CLOEXEC) != 0) return false;
  into = {io::descriptor{both[0]}, io::descriptor{both[1]}};
  return true;
}

// Like a file of its own that only its owner may read: it may have passwords.
io::descriptor file_of(std::string_view config) noexcept {
  io::descriptor out{::memfd_create("omnilink.toml", MFD_CLOEXEC)};
  if (!out || ::fchmod(out.get(), S_IRUSR | S_IWUSR) != 0) return {};
  for (std::string_view rest = config; !rest.empty();) {
    const ssize_t written = ::write(out.get(), rest.data(), rest.size());
    if (written <= 0) return {};
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  return out;
}

// Only what may be called in the child of a process with threads.
[[noreturn]] void become(const char* program, pid_t parent, int config, int ready, int output, int library) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  // Above those that they become, so that none is overwritten.
  const int from[]{::open("/dev/null", O_RDONLY | O_CLOEXEC), output, output, config, ready, library};
  const int count = library < 0 ? library_fd : library_fd + 1;
  int high[library_fd + 1];
  for (int i = 0; i < count; ++i) high[i] = ::fcntl(from[i], F_DUPFD_CLOEXEC, 10);
  for (int i = 0; i < count; ++i) {
    if (high[i] < 0 || ::dup2(high[i], i) < 0) ::_exit(127);
  }
  static_assert(config_fd == 3 && ready_fd == 4 && library_fd == 5);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_DFL);
  const char* const words[]{program, "run", "-c", "/proc/self/fd/3", "--ready-fd", "4", library < 0 ? nullptr : "--library-fd", "5", nullptr};
  ::execvp(program, const_cast<char* const*>(words));
  const char* why = ::strerrordesc_np(errno);
  if (why != nullptr && ::write(STDERR_FILENO, why, std::strlen(why)) < 0) ::_exit(126);
  ::_exit(127);
}

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  if (end == text.npos) return {};
  const auto begin = text.rfind('\n', end);
  return text.substr(begin == text.npos ? 0 : begin + 1, end - (begin == text.npos ? 0 : begin + 1) + 1);
}

}  // namespace

// Of the object and of the thread that looks after the child.
struct child_service::state {
  mutable std::mutex mutex;
  std::condition_variable changed;
  pid_t pid = 0;  ///< 0: not yet, or no more
  bool ended = false, ready = false, unwanted = false;
  std::string said;
  std::vector<std::string> addresses;

  ends output, ready_lines;
  io::descriptor config, library;

  void look_after(const std::string& program) noexcept;
  void hear(pollfd& output_end, pollfd& ready_end);
  void stop() noexcept;
};

void child_service::state::hear(pollfd& output_end, pollfd& ready_end) {
  std::array<char, 4096> bytes;
  std::string lines;
  while (output_end.fd >= 0) {
    pollfd both[]{output_end, ready_end};
    if (::poll(both, 2, -1) < 0) continue;
    if (both[1].revents != 0) {
      const ssize_t got = ::read(ready_end.fd, bytes.data(), bytes.size());
      if (got > 0) lines.append(bytes.data(), static_cast<std::size_t>(got));
      if (got <= 0) {
        ready_end.fd = -1;
        const std::scoped_lock now{mutex};
        for (std::size_t at = 0, end; (end = lines.find('\n', at)) != lines.npos; at = end + 1) addresses.push_back(lines.substr(at, end - at));
        ready = !addresses.empty();
        changed.notify_all();
      }
    }
    if (both[0].revents != 0) {
      const ssize_t got = ::read(output_end.fd, bytes.data(), bytes.size());
      if (got <= 0) output_end.fd = -1;
      const std::scoped_lock now{mutex};
      if (got > 0) said.append(bytes.data(), static_cast<std::size_t>(got));
      if (said.size() > said_max) said.erase(0, said.size() - said_max);
    }
  }
}

// The child is this thread's: it dies with it (PR_SET_PDEATHSIG), that is, with the process.
void child_service::state::look_after(const std::string& program) noexcept {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(program.c_str(), parent, config.get(), ready_lines.write.get(), output.write.get(), library.get());
  output.write.reset();
  ready_lines.write.reset();
  config.reset();
  library.reset();
  {
    const std::scoped_lock now{mutex};
    pid = child > 0 ? child : 0;
    if (unwanted && pid > 0) ::kill(pid, SIGKILL);
  }
  if (child > 0) {
    try {
      pollfd output_end{output.read.get(), POLLIN, 0}, ready_end{ready_lines.read.get(), POLLIN, 0};
      hear(output_end, ready_end);
    } catch (...) {
      ::kill(child, SIGKILL);
    }
    siginfo_t about{};
    while (::waitid(P_PID, static_cast<id_t>(child), &about, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
  }
  const std::scoped_lock now{mutex};
  pid = 0;  // from here on nobody sends it a signal
  if (child > 0) ::waitpid(child, nullptr, 0);
  ended = true;
  addresses.clear();
  changed.notify_all();
}

void child_service::state::stop() noexcept {
  std::unique_lock now{mutex};
  unwanted = true;
  if (pid > 0) ::kill(pid, SIGINT);
  if (changed.wait_for(now, time_to_end, [&] { return ended; })) return;
  if (pid > 0) ::kill(pid, SIGKILL);
}

std::optional<problem> child_service::start(const std::string& program, std::string_view config, std::chrono::milliseconds limit, io::descriptor library) {
  stop();
  const auto failed = [](const char* what) { return problem{OMNILINK_E_IO_FAILED, std::string{what} + ": " + std::strerror(errno)}; };
  auto fresh = std::make_shared<state>();
  if (!open_pipe(fresh->output) || !open_pipe(fresh->ready_lines)) return failed("a pipe to the service");
  if (!(fresh->config = file_of(config))) return failed("the configuration's file");
  fresh->library = std::move(library);
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::optional<problem> no;
  try {
    std::thread{[fresh, program] { fresh->look_after(program); }}.detach();
  } catch (const std::system_error&) {
    no = problem{OMNILINK_E_LIMIT_REACHED, "there is no thread to look after the service"};
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (no) return no;
  std::unique_lock now{fresh->mutex};
  const bool in_time = fresh->changed.wait_for(now, limit, [&] { return fresh->ready || fresh->ended; });
  if (fresh->ready && !fresh->ended) {
    state_ = std::move(fresh);
    return std::nullopt;
  }
  const std::string why = last_line(fresh->said);
  now.unlock();
  if (!in_time) fresh->stop();
  if (!in_time) return problem{OMNILINK_E_TIMED_OUT, program + " was not ready within " + std::to_string(limit.count()) + " ms"};
  return problem{OMNILINK_E_ARGUMENT, why.empty() ? program + " ended at once" : program + ": " + why};
}

void child_service::stop() noexcept {
  if (const auto old = std::exchange(state_, nullptr)) old->stop();
}

std::vector<std::string> child_service::addresses() const {
  if (!state_) return {};
  const std::scoped_lock now{state_->mutex};
  return state_->addresses;
}

}  // namespace omnilink::capi
