// The installer behind `omnilink exec`: a child process with a network and a mount namespace of its own (and,
// for an ordinary user, a user namespace in which it is still itself) that becomes the command. Everything
// that needs the namespace is made inside and handed out; the service that uses it stays outside.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "interceptor/installer.hpp"

namespace omnilink::interceptor {

class sandbox : public installer {
 public:
  /// The command, and what it starts with; all else (uid, groups, directory, environment, open files) is
  /// inherited.
  struct options {
    std::vector<std::string> command;  ///< argv; not empty
    sigset_t signal_mask{};
    bool ignores_sigchld = false;
  };

  /// Forks the child, which waits for install(). Call it from the main thread (the child dies with the thread
  /// that forked it) while there is no other.
  static boost::system::result<std::unique_ptr<sandbox>, install_failure> spawn(const options& wanted);
  ~sandbox() override { remove(); }
  sandbox(const sandbox&) = delete;
  sandbox& operator=(const sandbox&) = delete;

  boost::system::result<installation, install_failure> install(const plan& wanted) override;
  bool has_private_loopback() const noexcept override { return true; }
  /// A sandbox is as it was made: done, nothing changes.
  std::optional<install_failure> replace(const plan&) override { return std::nullopt; }
  /// A child that has not become the command ends itself; a running command is left alone. The namespaces go
  /// with their last process.
  void remove() noexcept override;

  /// Lets the child become the command. False: it is gone.
  bool release();
  /// The caller reaps it.
  pid_t child_pid() const noexcept { return child_; }
  /// What install() failed with, if it did.
  const std::optional<install_failure>& failure() const noexcept { return failure_; }

 private:
  sandbox(io::descriptor channel, pid_t child) : channel_{std::move(channel)}, child_{child} {}

  io::descriptor channel_;
  pid_t child_;
  std::optional<install_failure> failure_;
};

}  // namespace omnilink::interceptor
