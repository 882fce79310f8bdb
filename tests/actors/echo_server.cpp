#include "tests/actors/echo_server.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "io/accept.hpp"
#include "io/address.hpp"

namespace omnilink::test {

echo_server::echo_server(const core::address& on)
    : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, stop_{::eventfd(0, EFD_CLOEXEC)} {
  sockaddr_storage raw{};
  const socklen_t size = io::to_sockaddr({on, 0}, raw);
  ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&raw), size);
  ::listen(listener_.get(), 512);
  address_ = io::bound_address(listener_.get());
  thread_ = std::thread{[this] { run(); }};
}

echo_server::~echo_server() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void echo_server::run() {
  std::vector<io::descriptor> clients;
  for (;;) {
    std::vector<pollfd> wait{{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& c : clients) wait.push_back({c.get(), POLLIN, 0});
    ::poll(wait.data(), wait.size(), -1);
    if (wait[0].revents) return;
    for (std::size_t i = clients.size(); i-- > 0;) {
      if (!wait[i + 2].revents) continue;
      std::array<char, 4096> data;
      const auto got = ::recv(clients[i].get(), data.data(), data.size(), 0);
      if (got <= 0 || ::send(clients[i].get(), data.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) < 0) {
        clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if (wait[1].revents) clients.emplace_back(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
}

}  // namespace omnilink::test
