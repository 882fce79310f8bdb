#include "wire/socks4.hpp"

#include <gtest/gtest.h>

#include "tests/wire/scenes.hpp"

namespace omnilink::wire::playbook {
namespace {

using namespace std::string_literals;

core::target to(const char* text) {
  return *core::target::parse(text);
}

const socks4_client by_name{to("example.org:443"), "me"};
const socks4_client by_address{to("192.0.2.1:80"), "", socks4_dialect::socks4};
const buffer granted = "\0\x5a\0\0\0\0\0\0"_b;

buffer request(const buffer& address, const std::string& user, const std::string& name = {}) {
  buffer out = "\x04\x01\x01\xbb"_b + address + buffer{user.begin(), user.end()} + "\0"_b;
  return name.empty() ? out : out + buffer{name.begin(), name.end()} + "\0"_b;
}

TEST(socks4_client, asks_by_address_and_in_4a_by_name) {
  EXPECT_EQ(play(by_address, granted).sent, "\x04\x01\x00\x50\xc0\x00\x02\x01\x00"_b);
  EXPECT_EQ(play(by_address, granted).code, errc::ok);
  EXPECT_EQ(play(by_name, granted).sent, request("\0\0\0\x01"_b, "me", "example.org"));
  EXPECT_EQ(play(socks4_client{to("[::ffff:192.0.2.1]:443"), "me"}, granted).sent, request("\xc0\x00\x02\x01"_b, "me"));
}

TEST(socks4_client, what_the_protocol_cannot_say_is_refused_before_a_byte_is_sent) {
  struct {
    const char* where;
    socks4_dialect spoken;
    const char* why;
  } const cases[] = {
      {"example.org:80", socks4_dialect::socks4, "carries no names"},
      {"[2001:db8::1]:80", socks4_dialect::socks4, "no IPv6"},
      {"[2001:db8::1]:80", socks4_dialect::socks4a, "no IPv6"},
      {"0.0.0.7:80", socks4_dialect::socks4, "means a name"},
  };
  for (const auto& c : cases) {
    EXPECT_NE(socks4_obstacle(to(c.where), c.spoken).find(c.why), std::string_view::npos) << c.where;
    const played done = play(socks4_client{to(c.where), "", c.spoken}, {});
    EXPECT_EQ(done.code, errc::unsupported);
    EXPECT_TRUE(done.done && done.sent.empty());
  }
  EXPECT_EQ(socks4_obstacle(to("example.org:80"), socks4_dialect::socks4a), "");
  EXPECT_EQ(socks4_obstacle(to("192.0.2.1:80"), socks4_dialect::socks4), "");
}

TEST(socks4_client, B6_bytes_behind_the_reply_belong_to_the_stream_at_every_split) {
  const buffer input = "\0\x5a\x01\xbb\xc0\x00\x02\x01"_b + "220 ready\r\n"_b;
  for (const auto& who : {by_name, by_address}) {
    EXPECT_EQ(check_splits(who, input), "");
    EXPECT_EQ(check_truncation(who, input, granted.size()), "");
  }
}

TEST(socks4_client, C1_a_refusal_of_two_bytes_is_enough) {
  for (const int code : {91, 92, 93}) {
    const played done = play(by_name, buffer{0, static_cast<std::uint8_t>(code)});
    EXPECT_TRUE(done.done);
    EXPECT_EQ(done.code, errc::hop_refused);
    EXPECT_EQ(done.outcome, "reply " + std::to_string(code));
  }
}

TEST(socks4_client, C5_names_and_user_ids_are_measured_before_a_byte_is_sent) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');  // 253
  const played fits = play(socks4_client{core::target{longest, 80}, std::string(255, 'u')}, granted);
  EXPECT_EQ(fits.code, errc::ok);
  EXPECT_EQ(fits.sent.size(), 8 + 256 + 254);
  for (const std::string& name : {longest + "a", std::string(256, 'a'), std::string(65536 + 9, 'a')}) {
    const played done = play(socks4_client{core::target{name, 80}, ""}, {});
    EXPECT_EQ(done.code, errc::bad_name);
    EXPECT_TRUE(done.done && done.sent.empty());
  }
}

TEST(socks4_client, C7_no_name_brings_its_own_bytes) {
  for (const std::string& name : {"a\r\nb"s, "a\0b"s, "a b"s, "a/b"s, "a:1"s, "1.2.3"s}) {
    const played done = play(socks4_client{core::target{name, 80}, ""}, {});
    EXPECT_EQ(done.code, errc::bad_name) << name;
    EXPECT_TRUE(done.sent.empty());
  }
}

TEST(socks4_client, C8_a_user_id_with_NUL_or_overlong_is_refused) {
  for (const std::string& user : {"me\0example.net"s, "\0"s, std::string(256, 'u'), std::string(65536, 'u')}) {
    const played done = play(socks4_client{to("example.org:443"), user}, {});
    EXPECT_EQ(done.code, errc::unsupported);
    EXPECT_TRUE(done.done && done.sent.empty());
  }
}

TEST(socks4_client, C8_what_is_not_legal_is_refused) {
  const auto code = [](const buffer& input) { return play(by_name, input).code; };
  EXPECT_EQ(code("\x04\x5a"_b), errc::bad_version);
  EXPECT_EQ(code("\x05\x00"_b), errc::bad_version);
  EXPECT_EQ(code("HTTP/1.1 400"_b), errc::bad_version);
  for (int reply = 0; reply < 256; ++reply) {
    const errc expected = reply < 90 || reply > 93 ? errc::bad_message : reply == 90 ? errc::ok : errc::hop_refused;
    const played done = play(by_name, buffer{0, static_cast<std::uint8_t>(reply)} + buffer(6));
    EXPECT_TRUE(done.done);
    EXPECT_EQ(done.code, expected) << reply;
  }
}

TEST(socks4_client, noise) { EXPECT_EQ(check_noise(by_name, granted), ""); }

TEST(socks4_server, reads_both_dialects) {
  const auto read = [](const buffer& input) { return play(socks4_server{}, input).outcome; };
  EXPECT_EQ(read(request("\xc0\x00\x02\x01"_b, "me")), "192.0.2.1:443 reply due");
  EXPECT_EQ(read(request("\0\0\0\x01"_b, "", "example.org")), "example.org:443 reply due");
  EXPECT_EQ(read(request("\0\0\0\xff"_b, "me", "example.org")), "example.org:443 reply due");
  EXPECT_EQ(read(request("\0\0\0\x01"_b, "", "2001:db8::1")), "[2001:db8::1]:443 reply due");
}

TEST(socks4_server, B7_bytes_behind_the_request_belong_to_the_stream_at_every_split) {
  for (const buffer& spoken : {request("\xc0\x00\x02\x01"_b, "me"), request("\0\0\0\x01"_b, "", "example.org")}) {
    const buffer input = spoken + "GET / HTTP/1.1\r\n"_b;
    EXPECT_EQ(check_splits(socks4_server{}, input), "");
    EXPECT_EQ(check_truncation(socks4_server{}, input, spoken.size()), "");
  }
}

TEST(socks4_server, C8_what_it_refuses_and_whether_a_reply_is_due) {
  const auto refused = [](const buffer& input, errc code, bool reply) {
    const played done = play(socks4_server{}, input);
    EXPECT_TRUE(done.done);
    EXPECT_EQ(done.code, code) << to_string(done);
    EXPECT_EQ(done.outcome, reply ? "0.0.0.0:0 reply due" : "0.0.0.0:0");
  };
  refused("\x05\x01\x00"_b, errc::bad_version, false);
  refused("\x04\x02\x00\x50\xc0\x00\x02\x01\x00"_b, errc::bad_command, true);  // BIND
  refused("\x04\x01\x00\x00\xc0\x00\x02\x01\x00"_b, errc::bad_message, true);  // port 0
  refused("\x04\x01\x00\x50\x00\x00\x00\x00\x00"_b, errc::bad_name, true);     // 0.0.0.0
  refused("\x04\x01\x00\x50\x00\x00\x00\x01\x00\x00"_b, errc::bad_name, true);  // a name of no bytes
  refused(request("\0\0\0\x01"_b, "", "a b"), errc::bad_name, true);
  refused(request("\0\0\0\x01"_b, "", std::string(255, 'a')), errc::bad_name, true);
  refused(request("\0\0\0\x01"_b, "", std::string(256, 'a')), errc::oversized, true);
  refused(request("\xc0\x00\x02\x01"_b, std::string(256, 'u')), errc::oversized, true);
  EXPECT_EQ(play(socks4_server{}, request("\xc0\x00\x02\x01"_b, std::string(255, 'u'))).code, errc::ok);
}

TEST(socks4_server, noise) {
  EXPECT_EQ(check_noise(socks4_server{}, request("\0\0\0\x01"_b, "me", "example.org")), "");
}

TEST(socks4, B6_B7_client_and_server_agree_in_pieces_of_every_size) {
  for (const char* where : {"example.org:443", "192.0.2.1:80"}) {
    for (std::size_t piece = 1; piece <= 40; ++piece) {
      const auto reply = [](const socks4_server&) {
        const auto out = socks4_reply(90);
        return buffer{out.begin(), out.end()};
      };
      const auto [client, server] = run_against(socks4_client{to(where), "me"}, socks4_server{}, piece, reply);
      EXPECT_TRUE(client.done && server.done);
      EXPECT_EQ(client.code, errc::ok);
      EXPECT_EQ(server.outcome, std::string{where} + " reply due");
      EXPECT_EQ(server.taken, client.sent.size());
    }
  }
}

}  // namespace
}  // namespace omnilink::wire::playbook
