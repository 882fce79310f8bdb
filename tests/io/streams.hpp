// Connected loopback streams, plain or TLS, and coroutines that send, receive and end on them.
#pragma once

#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/certificate.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"
#include "io/tls.hpp"
#include "io/wait.hpp"

namespace omnilink::io::test {

namespace asio = boost::asio;

/// Runs one io_context on the test's own thread, until something is so.
class loop {
 public:
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);

  /// False: it did not come to that; the limit is for a test that hangs.
  bool until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      context.restart();
      context.run_one_for(std::chrono::milliseconds{2});
    }
    return true;
  }

  /// Runs it until it waits; the result appears when it has ended. What it throws ends the test's program.
  template <class T>
  std::shared_ptr<std::optional<T>> spawn(task<T> what) {
    auto result = std::make_shared<std::optional<T>>();
    start(keep(std::move(what), result));
    return result;
  }

  template <class T>
  T finish(task<T> what) {
    const auto result = spawn(std::move(what));
    if (!until([&] { return result->has_value(); })) std::abort();
    return std::move(**result);
  }

 private:
  template <class T>
  static task<> keep(task<T> what, std::shared_ptr<std::optional<T>> result) {
    result->emplace(co_await what);
  }
};

struct two_ends {
  std::unique_ptr<stream> near;
  std::unique_ptr<stream> far;
};

inline two_ends connect_ends(loop& on) {
  tcp::acceptor acceptor{on.context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  tcp::socket far{on.context};
  far.connect(acceptor.local_endpoint());
  return {make_tcp_stream(tcp_socket{acceptor.accept()}), make_tcp_stream(tcp_socket{std::move(far)})};
}

struct tls_pair {
  std::unique_ptr<tls_context> client;
  std::unique_ptr<tls_context> server;
};

/// A client that expects `name` and trusts `trusted`'s CA, a server that presents `presented`.
inline tls_pair make_tls(const std::string& name, const certificate& presented, const certificate& trusted,
                         tls_version newest = tls_version::v1_3) {
  auto client = tls_context::client({.name = name, .ca_file = "ca.pem", .ca_pem = trusted.ca_pem});
  auto server = tls_context::server(presented.certificate_pem, presented.key_pem, newest);
  if (client.has_error() || server.has_error()) std::abort();
  return {std::move(*client), std::move(*server)};
}

inline tls_pair make_tls(tls_version newest = tls_version::v1_3) {
  const auto made = make_certificate({.name = "hop.example"});
  return make_tls("hop.example", *made, *made, newest);
}

struct handshakes {
  tls_result client;
  tls_result server;
};

/// To the last word, which nothing that is written behind it takes along here.
inline task<tls_result> whole_handshake(stream& on) {
  const tls_result result = co_await tls_handshake(on);
  if (result.code != core::errc::ok) co_return result;
  const progress flushed = co_await write_all(on, {});
  EXPECT_TRUE(flushed.done());
  co_return result;
}

inline handshakes shake_hands(loop& on, stream& client, stream& server) {
  const auto one = on.spawn(whole_handshake(client));
  const auto other = on.spawn(whole_handshake(server));
  EXPECT_TRUE(on.until([&] { return one->has_value(); }));
  // A client that refuses goes away; so does the server then.
  if ((*one)->code != core::errc::ok) client.close();
  EXPECT_TRUE(on.until([&] { return other->has_value(); }));
  return {**one, **other};
}

/// Any content will do as long as no piece of it repeats; FNV-1a over 64-bit words tells any change of it.
class noise {
 public:
  explicit noise(std::uint64_t seed) : state_{seed * 2 + 1} {}
  void fill(std::span<std::uint8_t> into) {
    for (auto& each : into) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      each = static_cast<std::uint8_t>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_;
};

struct tally {
  std::uint64_t count = 0;
  std::uint64_t hash = 14695981039346656037u;
  void add(bytes data) {
    count += data.size();
    for (const auto each : data) hash = (hash ^ each) * 1099511628211u;
  }
  friend bool operator==(const tally&, const tally&) = default;
};

struct transfer {
  tally all;
  progress last;  ///< done: everything was sent; eof or failed: how receiving ended
};

inline task<transfer> send(stream& to, std::size_t size, std::uint64_t seed,
                                      bool then_end = true) {
  transfer out;
  noise source{seed};
  std::vector<std::uint8_t> piece;
  while (out.all.count < size) {
    piece.resize(std::min<std::size_t>(size - out.all.count, 60000));
    source.fill(piece);
    out.last = co_await write_all(to, piece);
    if (!out.last.done()) co_return out;
    out.all.add(piece);
  }
  if (then_end) out.last = co_await shutdown_send(to);
  co_return out;
}

/// Until there are `at_most` bytes, with those that came `before`.
inline task<transfer> receive(stream& from, std::size_t at_most = SIZE_MAX, tally before = {}) {
  transfer out{before, {}};
  std::vector<std::uint8_t> space(100000);
  while (out.all.count < at_most) {
    const auto want = std::min<std::size_t>(space.size(), at_most - out.all.count);
    out.last = co_await read_some(from, std::span{space}.first(want));
    if (!out.last.done()) co_return out;
    out.all.add(bytes{space}.first(out.last.count));
  }
  co_return out;
}

inline task<core::errc> until_readable(stream& from) { co_return co_await wait_for(from, progress::kind::want_read); }

/// Everything sent has reached the other kernel.
inline bool is_acknowledged(stream& of) {
  int left = -1;
  return ::ioctl(of.socket().native_handle(), SIOCOUTQ, &left) == 0 && left == 0;
}

}  // namespace omnilink::io::test
