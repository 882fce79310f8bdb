// netd as the service sees it: the installer whose home is the other end of a channel.
#pragma once

#include "interceptor/installer.hpp"
#include "io/config_files.hpp"
#include "wire/netd_messages.hpp"

namespace omnilink::interceptor {

class netd_client final : public installer {
 public:
  /// One end of make_packet_channel(), or a connection to netd's socket.
  explicit netd_client(io::descriptor channel);

  boost::system::result<installation, install_failure> install(const plan& wanted) override;
  bool has_private_loopback() const noexcept override { return false; }
  std::optional<install_failure> replace(const plan& wanted) override;
  void remove() noexcept override;

  /// The configuration file and what it names, as netd may open them now. Empty: netd is gone.
  std::vector<io::opened_file> config_files();

  /// Readable between two questions: netd is gone, and the rules with it.
  int channel_fd() const noexcept { return channel_.get(); }

 private:
  std::optional<install_failure> take_listener(opened_listener& into, std::optional<core::mechanism> by, std::uint32_t workers);
  std::optional<install_failure> ask_for_processes(installation& into);
  std::optional<install_failure> ask_for_sockets(installation& into);
  std::optional<install_failure> take_end();

  io::descriptor channel_;
  bool removed_ = false;
};

}  // namespace omnilink::interceptor
