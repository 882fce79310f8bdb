#include "bench/floor/connection.hpp"

#include <linux/netfilter_ipv4.h>

#include <cstring>

namespace omnilink::bench {
namespace {

// RFC 1928, without authentication, IPv4 only.
constexpr char greeting[] = {5, 1, 0};
constexpr char choice[] = {5, 0};
constexpr char granted[] = {5, 0, 0, 1, 0, 0, 0, 0, 0, 0};
constexpr std::size_t request_size = 10;

bool send_all(int fd, const char* data, std::size_t size) {
  // A handshake message always fits into an empty socket buffer.
  return ::send(fd, data, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

}  // namespace

void connection::begin(loop& home, int accepted) {
  auto* fresh = new connection{home, accepted};
  if (!fresh->start()) delete fresh;
}

connection::connection(loop& home, int accepted)
    : home_{home},
      up_{client_, upstream_, home.buffer},
      down_{upstream_, client_, home.buffer},
      now_{home.how == way::socks5 ? step::greeting : step::connecting} {
  client_.fd = accepted;
}

connection::~connection() {
  ::close(client_.fd);
  if (upstream_.fd >= 0) ::close(upstream_.fd);
}

bool connection::start() {
  set_option(client_.fd, IPPROTO_TCP, TCP_NODELAY);
  if (home_.how == way::redirect) {
    socklen_t size = sizeof where_;
    if (::getsockopt(client_.fd, SOL_IP, SO_ORIGINAL_DST, &where_, &size) != 0) return false;
  }
  if (now_ == step::connecting && !connect(home_.next)) return false;
  // Nothing is ever to be waited for before the first write.
  return watch(client_, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
}

bool connection::watch(side& which, std::uint32_t events, int how) {
  epoll_event wanted{events | EPOLLET, {.ptr = &which}};
  return ::epoll_ctl(home_.epoll, how, which.fd, &wanted) == 0;
}

bool connection::connect(const sockaddr_in& where) {
  now_ = step::connecting;
  upstream_.fd = connect_to(where, SOCK_NONBLOCK);
  return upstream_.fd >= 0 && watch(upstream_, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_ADD);
}

void connection::on_event(side& where, std::uint32_t events) {
  if (done_) return;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) where.readable = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) where.closing = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) where.blocked = false;
  if (go_on(where)) return;
  done_ = true;
  home_.ended.emplace_back(this);
}

// False: it is over, in order or not.
bool connection::go_on(const side& where) {
  if (now_ == step::connecting) {
    if (&where != &upstream_) return true;
    if (!on_connected()) return false;
  }
  while (now_ != step::connecting && now_ != step::relay && speaker().readable)
    if (!advance()) return false;
  return now_ != step::relay || relay();
}

bool connection::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(upstream_.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return false;
  switch (home_.how) {
    case way::socks5: now_ = step::relay; return send_all(client_.fd, granted, sizeof granted);
    case way::redirect: now_ = step::choice; return send_all(upstream_.fd, greeting, sizeof greeting);
    case way::tcp: now_ = step::relay; return true;
  }
  return false;
}

// More of the current message.
bool connection::receive(side& from) {
  const ssize_t got = ::recv(from.fd, heard_.data() + heard_size_, heard_.size() - heard_size_, 0);
  if (got <= 0) {
    from.readable = false;
    return got < 0 && errno == EAGAIN;
  }
  from.readable = from.closing;
  heard_size_ += static_cast<std::size_t>(got);
  return true;
}

bool connection::advance() {
  if (!receive(speaker())) return false;
  const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(heard_[i]); };
  switch (now_) {
    case step::greeting:
      if (heard_size_ < 2 || heard_size_ < 2u + byte(1)) return true;
      if (byte(0) != 5) return false;
      heard_size_ = 0;
      now_ = step::request;
      return send_all(client_.fd, choice, sizeof choice);
    case step::request: {
      if (heard_size_ < request_size) return true;
      if (byte(1) != 1 || byte(3) != 1) return false;
      where_.sin_family = AF_INET;
      std::memcpy(&where_.sin_addr, &heard_[4], 4);
      std::memcpy(&where_.sin_port, &heard_[8], 2);
      return connect(where_);
    }
    case step::choice: {
      if (heard_size_ < sizeof choice) return true;
      if (std::memcmp(heard_.data(), choice, sizeof choice) != 0) return false;
      heard_size_ = 0;
      now_ = step::reply;
      char request[request_size] = {5, 1, 0, 1};
      std::memcpy(request + 4, &where_.sin_addr, 4);
      std::memcpy(request + 8, &where_.sin_port, 2);
      return send_all(upstream_.fd, request, sizeof request);
    }
    case step::reply:
      if (heard_size_ < request_size) return true;
      if (byte(1) != 0 || byte(3) != 1) return false;
      down_.begin_with({heard_.data() + request_size, heard_size_ - request_size});
      now_ = step::relay;
      return true;
    case step::connecting:
    case step::relay: break;
  }
  return false;
}

bool connection::relay() {
  if (!up_.pump(down_.over()) || !down_.pump(up_.over())) return false;
  if (up_.over() && down_.over()) return false;
  if (!client_.blocked || watching_writes_) return true;
  watching_writes_ = true;
  return watch(client_, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_MOD);
}

}  // namespace omnilink::bench
