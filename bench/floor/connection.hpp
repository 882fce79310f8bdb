// One connection of the floor: the little that has to be said before its bytes can be carried, then both directions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "bench/floor/direction.hpp"
#include "bench/floor/messages.hpp"
#include "bench/floor/way.hpp"

namespace omnilink::bench {

/// What the one thread has.
struct loop {
  way how;
  int epoll;
  std::optional<tls_context> tls;  ///< where a hop needs it
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
  // Those in which a message is waited for: the client's first, then the hops'.
  enum class step : std::uint8_t { greeting, request, choice, reply, connecting, securing, relay };

  connection(loop& home, int accepted);
  bool start();
  bool go_on(const side& where);
  bool connect();
  bool on_connected();
  bool secure();
  bool hear();
  message_size hear_message();
  bool answer_message();
  bool receive(side& from);
  bool ask_hop();
  bool ask_for_next();
  bool begin_relay();
  bool say(side& to, std::string_view text);
  bool watch(side& which, std::uint32_t events, int how);
  bool relay();
  bool from_client() const noexcept { return now_ <= step::request; }
  bool is_heard() const noexcept { return now_ <= step::reply; }
  side& speaker() noexcept { return from_client() ? client_ : upstream_; }
  const std::vector<hop>& hops() const noexcept { return home_.how.hops; }

  loop& home_;
  side client_{this};
  side upstream_{this};
  direction up_;
  direction down_;
  step now_ = step::connecting;
  std::size_t asked_ = 0;  // which hop
  sockaddr_in where_{};
  std::array<char, 512> heard_;
  std::size_t heard_size_ = 0;
  bool watching_writes_ = false;  // of the client
  bool done_ = false;
};

}  // namespace omnilink::bench
