#include "io/signals.hpp"

#include <sys/signalfd.h>

#include <csignal>

namespace omnilink::io {

descriptor catch_signals(std::initializer_list<int> wanted) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : wanted) ::sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return descriptor{::signalfd(-1, &set, SFD_CLOEXEC)};
}

int next_signal(const descriptor& from) noexcept {
  signalfd_siginfo seen{};
  const bool whole = ::read(from.get(), &seen, sizeof seen) == sizeof seen;
  return whole ? static_cast<int>(seen.ssi_signo) : 0;
}

void end_by_signal(int signal) noexcept {
  std::signal(signal, SIG_DFL);
  ::raise(signal);
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, signal);
  ::sigprocmask(SIG_UNBLOCK, &one, nullptr);
}

}  // namespace omnilink::io
