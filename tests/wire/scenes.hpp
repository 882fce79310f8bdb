// The handshakes of wire/ as scenes for the playbook: what starts them, and their out value in words.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "tests/wire/playbook.hpp"
#include "wire/admin.hpp"
#include "wire/dns.hpp"
#include "wire/http_connect.hpp"
#include "wire/http_forward.hpp"
#include "wire/socks4.hpp"
#include "wire/socks5.hpp"

namespace omnilink::wire::playbook {

struct socks4_client {
  core::target destination;
  std::string user;
  socks4_dialect spoken = socks4_dialect::socks4a;
  std::uint8_t reply = 0;

  handshake start() { return socks4_connect(destination, user, spoken, reply); }
  std::string outcome() const { return "reply " + std::to_string(reply); }
};

struct socks4_server {
  socks4_request out{};

  handshake start() { return socks4_read_request(out); }
  std::string outcome() const { return out.destination.to_string() + (out.reply_due ? " reply due" : ""); }
};

struct socks5_client {
  core::target destination;
  std::optional<credentials> login;
  bool pipelined = false;
  socks5_outcome out{};

  handshake start() { return socks5_connect(destination, login, out, pipelined); }
  std::string outcome() const {
    return std::string{core::name_of(out.step)} + " reply " + std::to_string(out.reply);
  }
};

struct socks5_server {
  bool with_login = false;  // and then whatever login is good
  credentials login{};
  socks5_request out{};
  bool greeted = false;

  handshake start() { return socks5_read_greeting(with_login, login); }
  std::optional<handshake> next() {
    if (std::exchange(greeted, true)) return {};
    return socks5_read_request(with_login, out);
  }
  std::string outcome() const {
    const std::string who = with_login ? login.user + "/" + std::string{login.password.reveal()} + " " : "";
    return who + out.destination.to_string() + (out.reply_due ? " reply due" : "");
  }
};

struct http_client {
  core::target destination;
  std::optional<credentials> login;
  http_outcome out{};

  handshake start() { return http_connect(destination, login, out); }
  std::string outcome() const {
    return std::string{core::name_of(out.step)} + " status " + std::to_string(out.status);
  }
};

struct http_server {
  http_request out{};

  handshake start() { return http_read_request(out); }
  std::string outcome() const {
    if (!out.head.empty()) return out.destination.to_string() + " " + out.head;
    const std::string who = out.login ? out.login->user + "/" + std::string{out.login->password.reveal()} + " " : "";
    return who + out.destination.to_string() + (out.reply_due ? " reply due" : ""); }
};

struct http_answer {
  http_request asked{};
  http_response out{};

  handshake start() { return http_read_response(asked, out); }
  std::string outcome() const {
    const char* body = out.body.complete() ? "none" : out.body.ends_by_close() ? "until close" : "some";
    return std::to_string(out.status) + " " + out.head + body + (out.persistent ? " persistent" : "");
  }
};

struct dns_reader {
  buffer out{};

  handshake start() { return dns_read_message(out); }
  std::string outcome() const { return text_of(out); }
};

struct admin_server {
  admin_request out{};
  std::string problem{};

  handshake start() { return admin_read_request(out, problem); }
  std::string outcome() const { return build_admin_request(out) + problem; }
};

}  // namespace omnilink::wire::playbook
