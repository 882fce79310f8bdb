#include "io/tls.hpp"

#include "tests/io/streams.hpp"

namespace omnilink::io::test {
namespace {

using core::errc;

// Two ends with TLS over them, before the handshake.
two_ends secured(loop& events, const tls_pair& contexts) {
  auto plain = connect_ends(events);
  return {make_tls_stream(std::move(plain.near), *contexts.server),
          make_tls_stream(std::move(plain.far), *contexts.client)};
}

handshakes try_hands(const tls_pair& contexts) {
  loop events;
  auto ends = secured(events, contexts);
  return shake_hands(events, *ends.far, *ends.near);
}

certificate made(certificate_wish wish) {
  auto out = make_certificate(wish);
  EXPECT_TRUE(out.has_value());
  return *out;
}

TEST(tls, right_name_or_address_is_accepted) {
  for (const char* name : {"hop.example", "127.0.0.1", "2001:db8::1"}) {
    const auto good = made({.name = name});
    const auto both = try_hands(make_tls(name, good, good));
    EXPECT_EQ(both.client.code, errc::ok) << name << both.client.detail;
    EXPECT_EQ(both.server.code, errc::ok) << name;
  }
  const auto good = made({.name = "hop.example"});
  EXPECT_EQ(try_hands(make_tls("hop.example.", good, good)).client.code, errc::ok);
}

TEST(tls, wrong_name_or_address_is_refused) {
  const auto named = made({.name = "hop.example"});
  const auto other = try_hands(make_tls("other.example", named, named));
  EXPECT_EQ(other.client.code, errc::tls_wrong_name);
  EXPECT_NE(other.client.detail, "");
  EXPECT_NE(other.server.code, errc::ok);
  const auto numbered = made({.name = "127.0.0.1"});
  EXPECT_EQ(try_hands(make_tls("127.0.0.2", numbered, numbered)).client.code, errc::tls_wrong_name);
}

TEST(tls, untrusted_expired_and_self_signed_are_refused) {
  const auto presented = made({.name = "hop.example"});
  const auto trusted = made({.name = "hop.example"});
  EXPECT_EQ(try_hands(make_tls("hop.example", presented, trusted)).client.code, errc::tls_untrusted);

  const auto old = made({.name = "hop.example", .valid_until = std::chrono::seconds{-60}});
  const auto expired = try_hands(make_tls("hop.example", old, old)).client;
  EXPECT_EQ(expired.code, errc::tls_untrusted);
  EXPECT_NE(expired.detail.find("expired"), std::string::npos) << expired.detail;

  const auto alone = made({.name = "hop.example", .self_signed = true});
  const auto self_signed = try_hands(make_tls("hop.example", alone, trusted)).client;
  EXPECT_EQ(self_signed.code, errc::tls_untrusted);
  EXPECT_NE(self_signed.detail.find("self-signed"), std::string::npos) << self_signed.detail;
}

TEST(tls, no_ca_file_means_the_systems) {
  const auto mine = made({.name = "hop.example"});
  auto client = tls_context::client("hop.example");
  auto server = tls_context::server(mine.certificate_pem, mine.key_pem);
  ASSERT_TRUE(client && server);
  EXPECT_EQ(try_hands({std::move(*client), std::move(*server)}).client.code, errc::tls_untrusted);
}

TEST(tls, a_missing_ca_file_or_a_bad_name_is_said_at_once) {
  const auto missing = tls_context::client("hop.example", "/nonexistent/ca.pem");
  ASSERT_TRUE(missing.has_error());
  EXPECT_NE(missing.error().find("/nonexistent/ca.pem"), std::string::npos);
  EXPECT_TRUE(tls_context::client("no name").has_error());
  EXPECT_TRUE(tls_context::server("", "").has_error());
}

TEST(tls, a_peer_that_speaks_something_else_fails) {
  loop events;
  auto plain = connect_ends(events);
  const auto contexts = make_tls();
  auto client = make_tls_stream(std::move(plain.far), *contexts.client);
  const std::string reply = "HTTP/1.1 400 Bad Request\r\n\r\n";
  ASSERT_TRUE(
      events
          .finish(write_all(*plain.near, {reinterpret_cast<const std::uint8_t*>(reply.data()), reply.size()}))
          .done());
  const auto result = events.finish(tls_handshake(*client));
  EXPECT_EQ(result.code, errc::tls_failed);
  EXPECT_NE(result.detail, "");
}

TEST(tls, an_end_or_a_close_in_the_handshake) {
  loop events;
  const auto contexts = make_tls();
  auto ended = connect_ends(events);
  auto client = make_tls_stream(std::move(ended.far), *contexts.client);
  ended.near->socket().shutdown(tcp::socket::shutdown_send);
  EXPECT_EQ(events.finish(tls_handshake(*client)).code, errc::closed_early);

  auto silent = connect_ends(events);
  auto waiting = make_tls_stream(std::move(silent.far), *contexts.client);
  const auto result = events.spawn(tls_handshake(*waiting));
  events.context.restart();
  events.context.poll();
  waiting->close();
  ASSERT_TRUE(events.until([&] { return result->has_value(); }));
  EXPECT_EQ((*result)->code, errc::canceled);
}

TEST(tls, a_second_connection_resumes_the_first_ones_session) {
  loop events;
  const auto contexts = make_tls();
  for (const bool expected : {false, true}) {
    auto ends = secured(events, contexts);
    const auto both = shake_hands(events, *ends.far, *ends.near);
    ASSERT_EQ(both.client.code, errc::ok);
    EXPECT_EQ(both.client.resumed, expected);
    // TLS 1.3: the ticket comes behind the handshake, with the first bytes that the client reads.
    const auto sent = events.spawn(send(*ends.near, 10, 1));
    EXPECT_EQ(events.finish(receive(*ends.far)).all.count, 10u);
    EXPECT_TRUE(events.finish(shutdown_send(*ends.far)).done());
  }
}

// Each side ends alone, and the other direction goes on (B4).
TEST(tls, B4_each_direction_ends_alone) {
  for (const bool client_first : {true, false}) {
    loop events;
    const auto contexts = make_tls();
    auto ends = secured(events, contexts);
    ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok);
    stream& first = client_first ? *ends.far : *ends.near;
    stream& second = client_first ? *ends.near : *ends.far;
    const auto sent = events.spawn(send(first, 100'000, 2));
    const auto received = events.finish(receive(second));
    EXPECT_EQ(received.last.what, progress::kind::eof);
    EXPECT_EQ(received.all, (*sent)->all);
    const auto answered = events.spawn(send(second, 1'000'000, 3));
    const auto answer = events.finish(receive(first));
    EXPECT_EQ(answer.last.what, progress::kind::eof);
    EXPECT_EQ(answer.all, (*answered)->all);
  }
}

TEST(tls, B5_a_bare_end_is_a_truncation_and_stays_one) {
  loop events;
  const auto contexts = make_tls();
  auto ends = secured(events, contexts);
  ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok);
  const auto sent = events.finish(send(*ends.near, 50'000, 4, false));
  ends.near->socket().shutdown(tcp::socket::shutdown_send);
  const auto received = events.finish(receive(*ends.far));
  EXPECT_EQ(received.all, sent.all);
  EXPECT_EQ(received.last.code, errc::tls_truncated);
  EXPECT_EQ(events.finish(receive(*ends.far)).last.code, errc::tls_truncated);
}

TEST(tls, damaged_records_fail) {
  loop events;
  const auto contexts = make_tls();
  auto ends = secured(events, contexts);
  ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok);
  const std::vector<std::uint8_t> garbage(100, 0x17);
  ASSERT_EQ(::send(ends.near->socket().native_handle(), garbage.data(), garbage.size(), 0), 100);
  EXPECT_EQ(events.finish(receive(*ends.far)).last.code, errc::tls_failed);
}

TEST(tls, sixty_four_mebibytes_each_way_at_once) {
  loop events;
  const auto contexts = make_tls();
  auto ends = secured(events, contexts);
  ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok);
  constexpr std::size_t size = 64 << 20;
  const auto up = events.spawn(send(*ends.far, size, 5));
  const auto down = events.spawn(send(*ends.near, size, 6));
  const auto got_up = events.spawn(receive(*ends.near));
  const auto got_down = events.spawn(receive(*ends.far));
  ASSERT_TRUE(events.until([&] { return got_up->has_value() && got_down->has_value(); }));
  EXPECT_EQ((*got_up)->all.count, size);
  EXPECT_EQ((*got_up)->all, (*up)->all);
  EXPECT_EQ((*got_down)->all, (*down)->all);
}

TEST(tls, inside_tls_inside_tls) {
  loop events;
  const auto contexts = make_tls();
  auto ends = connect_ends(events);
  for (int depth = 0; depth < 3; ++depth) {
    ends.near = make_tls_stream(std::move(ends.near), *contexts.server);
    ends.far = make_tls_stream(std::move(ends.far), *contexts.client);
    ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok) << depth;
  }
  // Small kernel buffers, so that every layer is blocked in the middle of its records.
  ends.far->socket().set_option(tcp::socket::send_buffer_size{32 * 1024});
  ends.near->socket().set_option(tcp::socket::receive_buffer_size{32 * 1024});
  const auto up = events.spawn(send(*ends.far, 2'000'000, 7));
  const auto down = events.spawn(send(*ends.near, 2'000'000, 8));
  const auto got_up = events.spawn(receive(*ends.near));
  const auto got_down = events.spawn(receive(*ends.far));
  ASSERT_TRUE(events.until([&] { return got_up->has_value() && got_down->has_value(); }));
  EXPECT_EQ((*got_up)->all, (*up)->all);
  EXPECT_EQ((*got_down)->all, (*down)->all);
  EXPECT_EQ((*got_up)->last.what, progress::kind::eof);
}

}  // namespace
}  // namespace omnilink::io::test
