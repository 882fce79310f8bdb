#include "bench/floor/connection.hpp"

#include <linux/netfilter_ipv4.h>

#include <cstring>

namespace omnilink::bench {
namespace {

// A handshake message always fits into an empty socket buffer.
bool send_all(side& to, std::span<const char> sealed) { return to.send(sealed) == std::ssize(sealed); }

}  // namespace

void connection::begin(loop& home, int accepted) {
  auto* fresh = new connection{home, accepted};
  if (!fresh->start()) delete fresh;
}

connection::connection(loop& home, int accepted)
    : home_{home}, up_{client_, upstream_, home.buffer}, down_{upstream_, client_, home.buffer}, where_{home.how.to} {
  client_.fd = accepted;
}

connection::~connection() {
  ::close(client_.fd);
  if (upstream_.fd >= 0) ::close(upstream_.fd);
}

bool connection::start() {
  socklen_t size = sizeof where_;
  switch (home_.how.in) {
    case arrival::socks5: now_ = step::greeting; break;
    case arrival::http: now_ = step::request; break;
    case arrival::redirect:
      if (::getsockopt(client_.fd, SOL_IP, SO_ORIGINAL_DST, &where_, &size) != 0) return false;
      break;
    case arrival::tproxy:
      if (::getsockname(client_.fd, reinterpret_cast<sockaddr*>(&where_), &size) != 0) return false;
      break;
    case arrival::pass: break;
  }
  if (now_ == step::connecting && !connect()) return false;
  // Nothing is ever to be waited for before the first write.
  return watch(client_, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
}

bool connection::watch(side& which, std::uint32_t events, int how) {
  epoll_event wanted{events | EPOLLET, {.ptr = &which}};
  return ::epoll_ctl(home_.epoll, how, which.fd, &wanted) == 0;
}

bool connection::connect() {
  now_ = step::connecting;
  upstream_.delays = true;
  upstream_.fd = connect_to(hops().empty() ? where_ : hops()[0].where, SOCK_NONBLOCK, nullptr, sends::as_it_comes);
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
  if (now_ == step::securing && &where == &upstream_ && !secure()) return false;
  while (is_heard() && speaker().has_more())
    if (!hear()) return false;
  return now_ != step::relay || relay();
}

bool connection::on_connected() {
  if (upstream_.closing) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(upstream_.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return false;
  }
  if (hops().empty()) return begin_relay();
  if (!hops()[0].tls) return ask_hop();
  upstream_.tls = std::make_unique<tls_channel>(*home_.tls, upstream_);
  now_ = step::securing;
  return true;
}

bool connection::secure() {
  switch (upstream_.tls->shake_hands()) {
    case tls_channel::progress::waits: return upstream_.tls->said().empty() || send_all(upstream_, upstream_.tls->said());
    case tls_channel::progress::done: return ask_hop();
    case tls_channel::progress::failed: break;
  }
  return false;
}

bool connection::say(side& to, std::string_view text) {
  return send_all(to, to.seal(text));
}

bool connection::ask_hop() {
  if (hops()[asked_].asked_by == arrival::http) return ask_for_next();
  now_ = step::choice;
  return say(upstream_, socks5_greeting);
}

// The hop that is asked is to connect to the next one, the last one to where the client wants to go.
bool connection::ask_for_next() {
  const sockaddr_in& next = asked_ + 1 < hops().size() ? hops()[asked_ + 1].where : where_;
  now_ = step::reply;
  return say(upstream_, hops()[asked_].asked_by == arrival::http ? http_request(next) : socks5_request(next));
}

// More of what the speaker says, message by message.
bool connection::hear() {
  if (!receive(speaker())) return false;
  while (is_heard()) {
    const message_size size = hear_message();
    if (!size) return false;
    if (*size == 0) return heard_size_ < heard_.size();
    heard_size_ -= *size;
    std::memmove(heard_.data(), heard_.data() + *size, heard_size_);
    if (!answer_message()) return false;
  }
  return true;
}

bool connection::receive(side& from) {
  const ssize_t got = from.receive(std::span{heard_}.subspan(heard_size_));
  if (got <= 0) return got < 0 && errno == EAGAIN;
  heard_size_ += static_cast<std::size_t>(got);
  return true;
}

message_size connection::hear_message() {
  const std::string_view heard{heard_.data(), heard_size_};
  switch (now_) {
    case step::greeting: return hear_socks5_greeting(heard);
    case step::request: return home_.how.in == arrival::http ? hear_http_request(heard, where_) : hear_socks5_request(heard, where_);
    case step::choice: return hear_socks5_choice(heard);
    case step::reply: return hops()[asked_].asked_by == arrival::http ? hear_http_reply(heard) : hear_socks5_reply(heard);
    default: return {};
  }
}

bool connection::answer_message() {
  switch (now_) {
    case step::greeting: now_ = step::request; return say(client_, socks5_choice);
    case step::request:
      // What the client says early goes first.
      up_.begin_with({heard_.data(), heard_size_});
      heard_size_ = 0;
      return connect();
    case step::choice: return ask_for_next();
    case step::reply: return ++asked_ < hops().size() ? ask_hop() : begin_relay();
    default: return false;
  }
}

bool connection::begin_relay() {
  now_ = step::relay;
  if (home_.how.in == arrival::socks5 && !say(client_, socks5_granted)) return false;
  if (home_.how.in == arrival::http && !say(client_, http_granted)) return false;
  down_.begin_with({heard_.data(), heard_size_});
  return true;
}

bool connection::relay() {
  if (!up_.pump(down_.over()) || !down_.pump(up_.over())) return false;
  if (up_.over() && down_.over()) return false;
  if (!client_.blocked || watching_writes_) return true;
  watching_writes_ = true;
  return watch(client_, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_MOD);
}

}  // namespace omnilink::bench
