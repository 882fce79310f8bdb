// Blocking clients for the tests: TCP, SOCKS5, and the query socket. Every wait is bounded by 10 s (a hang is a failure).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::test {

/// Connected, or an empty descriptor.
io::descriptor connect_tcp(const core::endpoint& to);
bool send_all(int fd, std::string_view data);
/// Exactly `size` bytes; shorter: the peer ended or failed first (errno).
std::string receive(int fd, std::size_t size);
/// What recv() says when the peer does nothing any more: 0 an end in order, otherwise -errno.
int receive_end(int fd);

/// The REP byte of the answer; -1: no answer. The connection is a tunnel when it is 0.
int socks5_connect(int fd, const core::target& to);
/// Sends a line and expects it back.
bool echoes(int fd, std::string_view line);

/// Connected to a unix socket; empty: refused.
io::descriptor connect_unix(const std::string& path, int type);
/// One question to a query socket.
std::optional<wire::nat_answer> query(const std::string& path, const wire::nat_question& question, int pass_fd = -1);
/// One message to a connected query socket, and the next one from it; nullopt: the peer has closed, or time is over.
bool send_message(int fd, wire::bytes message);
std::optional<wire::nat_answer> receive_answer(int fd);
/// One request line to an admin socket; the reply.
std::string admin(const std::string& path, const std::string& line);

}  // namespace omnilink::test
