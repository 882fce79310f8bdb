// One connection of the floor: the little that has to be said before its bytes can be carried, then both directions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/floor/direction.hpp"
#include "bench/net.hpp"

namespace omnilink::bench {

/// How connections come in, and where they go.
enum class way : std::uint8_t {
  socks5,    ///< a SOCKS5 client says where; we connect there
  redirect,  ///< the kernel says where; we ask the SOCKS5 hop at `next`
  tcp,       ///< always to `next`
};

/// What the one thread has.
struct loop {
  way how;
  sockaddr_in next;
  int epoll;
  transfer_buffer buffer;
  std::vector<std::unique_ptr<connection>> ended;  ///< kept until no event of this turn can name them
};

class connection {
 public:
  /// Takes the accepted socket. It is owned by itself: it moves into loop::ended when it is done.
  static void begin(loop& home, int accepted);
  ~connection();

  void on_event(side& where, std::uint32_t events);

 private:
  enum class step : std::uint8_t { greeting, request, connecting, choice, reply, relay };

  connection(loop& home, int accepted);
  bool start();
  bool go_on(const side& where);
  bool advance();
  bool receive(side& from);
  bool connect(const sockaddr_in& where);
  bool on_connected();
  bool watch(side& which, std::uint32_t events, int how);
  bool relay();
  /// Whose message a handshake waits for.
  side& speaker() noexcept { return now_ <= step::request ? client_ : upstream_; }

  loop& home_;
  side client_{this};
  side upstream_{this};
  direction up_;
  direction down_;
  step now_;
  sockaddr_in where_{};
  std::array<char, 512> heard_;
  std::size_t heard_size_ = 0;
  bool watching_writes_ = false;  // of the client
  bool done_ = false;
};

}  // namespace omnilink::bench
