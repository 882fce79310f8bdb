#include "io/tls.hpp"

#include <algorithm>
#include <set>

#include "io/tls_settings.hpp"
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
  auto client = tls_context::client({.name = "hop.example"});
  auto server = tls_context::server(mine.certificate_pem, mine.key_pem);
  ASSERT_TRUE(client && server);
  EXPECT_EQ(try_hands({std::move(*client), std::move(*server)}).client.code, errc::tls_untrusted);
}

TEST(tls, an_empty_ca_file_or_a_bad_name_is_said_at_once) {
  const auto empty = tls_context::client({.name = "hop.example", .ca_file = "/some/ca.pem"});
  ASSERT_TRUE(empty.has_error());
  EXPECT_NE(empty.error().find("\"/some/ca.pem\": there is no certificate in PEM"), std::string::npos) << empty.error();
  EXPECT_TRUE(tls_context::client({.name = "no name"}).has_error());
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
  ::shutdown(ended.near->socket().native_handle(), SHUT_WR);
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

// One connection from handshake to both ends, with bytes from the server: in TLS 1.3 tickets come with them.
tls_result visit(const tls_context& client, const tls_context& server) {
  loop events;
  auto plain = connect_ends(events);
  const auto near = make_tls_stream(std::move(plain.near), server);
  const auto far = make_tls_stream(std::move(plain.far), client);
  const auto both = shake_hands(events, *far, *near);
  EXPECT_EQ(both.client.code, errc::ok) << both.client.detail;
  const auto sent = events.spawn(send(*near, 10, 1));
  EXPECT_EQ(events.finish(receive(*far)).all.count, 10u);
  EXPECT_TRUE(events.finish(shutdown_send(*far)).done());
  return both.client;
}

// So many at once; how many of them were resumed.
int visit_at_once(const tls_pair& contexts, int count) {
  loop events;
  std::vector<two_ends> all;
  for (int i = 0; i < count; ++i) all.push_back(secured(events, contexts));
  std::vector<std::shared_ptr<std::optional<tls_result>>> clients, servers;
  for (const auto& ends : all) {
    clients.push_back(events.spawn(whole_handshake(*ends.far)));
    servers.push_back(events.spawn(whole_handshake(*ends.near)));
  }
  const auto ended = [](const auto& one) { return one->has_value(); };
  EXPECT_TRUE(events.until([&] { return std::ranges::all_of(clients, ended) && std::ranges::all_of(servers, ended); }));
  int resumed = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ((*clients[i])->code, errc::ok);
    resumed += (*clients[i])->resumed;
    const auto sent = events.spawn(send(*all[i].near, 10, 1));
    EXPECT_EQ(events.finish(receive(*all[i].far)).all.count, 10u);
  }
  return resumed;
}

// Both ways: a client's last words (TLS 1.3), and a server's (TLS 1.2).
TEST(tls, the_last_words_of_a_handshake_go_with_what_is_written_next) {
  for (const tls_version version : {tls_version::v1_2, tls_version::v1_3}) {
    const auto contexts = make_tls(version);
    loop events;
    const two_ends ends = secured(events, contexts);
    const bool client_is_last = version == tls_version::v1_3;
    stream& last = client_is_last ? *ends.far : *ends.near;
    stream& other = client_is_last ? *ends.near : *ends.far;
    const auto waiting = events.spawn(tls_handshake(other));
    EXPECT_EQ(events.finish(tls_handshake(last)).code, errc::ok);
    events.context.restart();
    events.context.poll();
    EXPECT_FALSE(waiting->has_value());
    const std::array<std::uint8_t, 1> written{42};
    EXPECT_TRUE(last.write(written).done());
    ASSERT_TRUE(events.until([&] { return waiting->has_value(); }));
    EXPECT_EQ((*waiting)->code, errc::ok);
    std::array<std::uint8_t, 1> got{};
    EXPECT_TRUE(other.read(got).done()) << "they came in one piece";
    EXPECT_EQ(got[0], 42);
  }
}

class tls_of : public testing::TestWithParam<tls_version> {};

TEST_P(tls_of, a_second_connection_resumes_the_first_ones_session) {
  const auto contexts = make_tls(GetParam());
  EXPECT_FALSE(visit(*contexts.client, *contexts.server).resumed);
  EXPECT_TRUE(visit(*contexts.client, *contexts.server).resumed);
  EXPECT_TRUE(visit(*contexts.client, *contexts.server).resumed);
  EXPECT_EQ(contexts.client->handshakes().full, 1u);
  EXPECT_EQ(contexts.client->handshakes().resumed, 2u);
}

// A server of TLS 1.3 gives two tickets in a full handshake and one in a resumed one.
TEST_P(tls_of, eight_at_once_resume_when_eight_have_run) {
  const auto contexts = make_tls(GetParam());
  EXPECT_EQ(visit_at_once(contexts, 8), 0);
  EXPECT_EQ(visit_at_once(contexts, 8), 8);
  EXPECT_EQ(visit_at_once(contexts, 8), 8);
}

TEST_P(tls_of, of_many_sessions_that_the_server_has_forgotten_one_is_met) {
  const auto made_once = made({.name = "hop.example"});
  const auto contexts = make_tls("hop.example", made_once, made_once, GetParam());
  visit_at_once(contexts, static_cast<int>(tls_sessions::kept_max));
  const auto restarted = make_tls("hop.example", made_once, made_once, GetParam());
  EXPECT_FALSE(visit(*contexts.client, *restarted.server).resumed);
  EXPECT_TRUE(visit(*contexts.client, *restarted.server).resumed);
  EXPECT_TRUE(visit(*contexts.client, *restarted.server).resumed);
}

TEST_P(tls_of, a_session_that_the_server_has_forgotten_is_a_full_handshake) {
  const auto made_once = made({.name = "hop.example"});
  const auto contexts = make_tls("hop.example", made_once, made_once, GetParam());
  visit(*contexts.client, *contexts.server);
  const auto restarted = make_tls("hop.example", made_once, made_once, GetParam());
  EXPECT_FALSE(visit(*contexts.client, *restarted.server).resumed);
  EXPECT_TRUE(visit(*contexts.client, *restarted.server).resumed);
}

TEST_P(tls_of, a_session_is_of_no_use_to_other_settings) {
  const auto made_once = made({.name = "hop.example"});
  const auto contexts = make_tls("hop.example", made_once, made_once, GetParam());
  visit(*contexts.client, *contexts.server);
  const auto other = make_tls("hop.example", made_once, made_once);
  EXPECT_FALSE(visit(*other.client, *contexts.server).resumed);
}

// What a connection that was cut off has learned is as good as any.
TEST_P(tls_of, a_session_survives_the_reset_of_its_connection) {
  const auto contexts = make_tls(GetParam());
  {
    loop events;
    auto ends = secured(events, contexts);
    ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok);
    const auto sent = events.spawn(send(*ends.near, 10, 1, false));
    EXPECT_EQ(events.finish(receive(*ends.far, 10)).all.count, 10u);
    ends.far->set_reset_on_close();
  }
  EXPECT_TRUE(visit(*contexts.client, *contexts.server).resumed);
}

// Each side ends alone, and the other direction goes on (B4).
TEST_P(tls_of, B4_each_direction_ends_alone) {
  for (const bool client_first : {true, false}) {
    loop events;
    const auto contexts = make_tls(GetParam());
    auto ends = secured(events, contexts);
    ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok);
    stream& first = client_first ? *ends.far : *ends.near;
    stream& second = client_first ? *ends.near : *ends.far;
    const auto sent = events.spawn(send(first, 100'000, 2));
    const auto received = events.finish(receive(second));
    ASSERT_TRUE(events.until([&] { return sent->has_value(); }));
    EXPECT_EQ(received.last.what, progress::kind::eof);
    EXPECT_EQ(received.all, (*sent)->all);
    const auto answered = events.spawn(send(second, 1'000'000, 3));
    const auto answer = events.finish(receive(first));
    ASSERT_TRUE(events.until([&] { return answered->has_value(); }));
    EXPECT_EQ(answer.last.what, progress::kind::eof);
    EXPECT_EQ(answer.all, (*answered)->all);
  }
}

TEST_P(tls_of, B5_a_bare_end_is_a_truncation_and_stays_one) {
  loop events;
  const auto contexts = make_tls(GetParam());
  auto ends = secured(events, contexts);
  ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok);
  const auto sent = events.finish(send(*ends.near, 50'000, 4, false));
  ::shutdown(ends.near->socket().native_handle(), SHUT_WR);
  const auto received = events.finish(receive(*ends.far));
  EXPECT_EQ(received.all, sent.all);
  EXPECT_EQ(received.last.code, errc::tls_truncated);
  EXPECT_EQ(events.finish(receive(*ends.far)).last.code, errc::tls_truncated);
}

INSTANTIATE_TEST_SUITE_P(version, tls_of, testing::Values(tls_version::v1_2, tls_version::v1_3),
                         [](const auto& info) { return info.param == tls_version::v1_2 ? "1_2" : "1_3"; });

// ---------------------------------------------------------------------------------- kept sessions

TEST(tls_sessions, of_1_3_come_out_once_and_are_bounded) {
  const auto contexts = make_tls();
  const auto& settings = contexts.client->settings();
  visit_at_once(contexts, static_cast<int>(tls_sessions::kept_max / 2 + 4));
  const auto now = std::time(nullptr);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < tls_sessions::kept_max; ++i) {
    const auto one = settings->sessions.take(now);
    ASSERT_TRUE(one) << i;
    unsigned size = 0;
    const unsigned char* id = SSL_SESSION_get_id(one.get(), &size);
    ids.emplace(reinterpret_cast<const char*>(id), size);
  }
  EXPECT_EQ(ids.size(), tls_sessions::kept_max);
  EXPECT_FALSE(settings->sessions.take(now));
}

TEST(tls_sessions, expire_with_their_ticket_and_with_the_certificate) {
  const auto contexts = make_tls();
  visit(*contexts.client, *contexts.server);
  EXPECT_FALSE(contexts.client->settings()->sessions.take(std::time(nullptr) + 3 * 3600));

  const auto short_lived = made({.name = "hop.example", .valid_until = std::chrono::seconds{600}});
  const auto soon = make_tls("hop.example", short_lived, short_lived);
  visit(*soon.client, *soon.server);
  visit(*soon.client, *soon.server);
  EXPECT_TRUE(soon.client->settings()->sessions.take(std::time(nullptr) + 300));
  EXPECT_FALSE(soon.client->settings()->sessions.take(std::time(nullptr) + 700));
}

// ---------------------------------------------------------------------------------- what a client asks for

TEST(tls, a_pinned_key_is_accepted_and_another_is_refused_and_named) {
  const auto presented = made({.name = "hop.example"});
  const auto server = *tls_context::server(presented.certificate_pem, presented.key_pem);
  const auto try_pins = [&](std::vector<core::spki_pin> pins) {
    const tls_client_config wanted{.name = "hop.example", .ca_file = "ca", .ca_pem = presented.ca_pem, .pins = std::move(pins)};
    loop events;
    auto plain = connect_ends(events);
    const auto near = make_tls_stream(std::move(plain.near), *server);
    const auto far = make_tls_stream(std::move(plain.far), **tls_context::client(wanted));
    return shake_hands(events, *far, *near).client;
  };
  const auto other = try_pins({core::spki_pin{}});
  EXPECT_EQ(other.code, errc::tls_wrong_pin);
  const auto seen = core::spki_pin::parse(other.detail.substr(std::string{"it has "}.size()));
  ASSERT_TRUE(seen) << other.detail;
  EXPECT_EQ(try_pins({*seen}).code, errc::ok);
  EXPECT_EQ(try_pins({core::spki_pin{}, *seen}).code, errc::ok);
}

TEST(tls, a_right_pin_replaces_neither_chain_nor_name) {
  const auto presented = made({.name = "hop.example"});
  const auto alone = made({.name = "hop.example", .self_signed = true});
  // Nobody knows the key of this CA; whatever the pins are, they are not asked.
  auto client = tls_context::client({.name = "hop.example", .ca_file = "ca", .ca_pem = presented.ca_pem, .pins = {core::spki_pin{}}});
  auto server = tls_context::server(alone.certificate_pem, alone.key_pem);
  EXPECT_EQ(try_hands({std::move(*client), std::move(*server)}).client.code, errc::tls_untrusted);
}

TEST(tls, version_1_3_is_demanded_of_a_peer_that_has_1_2_only) {
  const auto presented = made({.name = "hop.example"});
  auto client = tls_context::client(
      {.name = "hop.example", .ca_file = "ca", .ca_pem = presented.ca_pem, .least = tls_version::v1_3});
  auto server = tls_context::server(presented.certificate_pem, presented.key_pem, tls_version::v1_2);
  const auto result = try_hands({std::move(*client), std::move(*server)}).client;
  EXPECT_EQ(result.code, errc::tls_failed);
  EXPECT_NE(result.detail.find("does not speak TLS 1.3"), std::string::npos) << result.detail;
}

// ---------------------------------------------------------------------------------- records

// Gives and takes one byte at a time.
class dribbling final : public stream {
 public:
  explicit dribbling(std::unique_ptr<stream> lower) : lower_{std::move(lower)} {}
  progress write(bytes data) noexcept override {
    if ((blocked_ = !blocked_)) return {progress::kind::want_write};
    return lower_->write(data.first(1));
  }
  progress shutdown_send() noexcept override { return lower_->shutdown_send(); }
  tcp_socket& socket() noexcept override { return lower_->socket(); }
  bool is_plain() const noexcept override { return false; }

 protected:
  progress read_more(std::span<std::uint8_t> into) noexcept override { return lower_->read(into.first(1)); }

 private:
  std::unique_ptr<stream> lower_;
  bool blocked_ = false;
};

TEST(tls, one_byte_at_a_time_each_way) {
  loop events;
  const auto contexts = make_tls();
  auto plain = connect_ends(events);
  const auto near = make_tls_stream(std::make_unique<dribbling>(std::move(plain.near)), *contexts.server);
  const auto far = make_tls_stream(std::make_unique<dribbling>(std::move(plain.far)), *contexts.client);
  ASSERT_EQ(shake_hands(events, *far, *near).client.code, errc::ok);
  const auto up = events.spawn(send(*far, 40'000, 9));
  const auto down = events.spawn(send(*near, 40'000, 10));
  const auto got_up = events.spawn(receive(*near));
  const auto got_down = events.spawn(receive(*far));
  ASSERT_TRUE(events.until([&] { return got_up->has_value() && got_down->has_value(); }));
  EXPECT_EQ((*got_up)->all, (*up)->all);
  EXPECT_EQ((*got_down)->all, (*down)->all);
  EXPECT_EQ((*got_up)->last.what, progress::kind::eof);
}

TEST(tls, who_reads_first_says_its_last_words_first) {
  loop events;
  const auto contexts = make_tls();
  auto plain = connect_ends(events);
  const auto near = make_tls_stream(std::move(plain.near), *contexts.server);
  const auto far = make_tls_stream(std::make_unique<dribbling>(std::move(plain.far)), *contexts.client);
  const auto server = events.spawn(tls_handshake(*near));
  EXPECT_EQ(events.finish(tls_handshake(*far)).code, errc::ok);
  std::array<std::uint8_t, 1> got{};
  const auto heard = events.spawn(read_some(*far, got));
  ASSERT_TRUE(events.until([&] { return server->has_value(); }));
  const std::array<std::uint8_t, 1> said{42};
  EXPECT_TRUE(events.finish(write_all(*near, said)).done());
  ASSERT_TRUE(events.until([&] { return heard->has_value(); }));
  EXPECT_EQ(got[0], 42);
}

TEST(tls, damaged_records_fail) {
  loop events;
  const auto contexts = make_tls();
  auto ends = secured(events, contexts);
  ASSERT_EQ(shake_hands(events, *ends.far, *ends.near).client.code, errc::ok);
  const std::vector<std::uint8_t> garbage(100, 0x17);
  ASSERT_EQ(::send(ends.near->socket().native_handle(), garbage.data(), garbage.size(), 0), 100);
  EXPECT_EQ(events.finish(receive(*ends.far)).last.code, errc::tls_failed);
  EXPECT_NE(tls_failure(*ends.far), "");
  EXPECT_EQ(tls_failure(*ends.near), "");
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
