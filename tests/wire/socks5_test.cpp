#include "wire/socks5.hpp"

#include <gtest/gtest.h>

#include "tests/wire/scenes.hpp"

namespace omnilink::wire::playbook {
namespace {

core::target to(const char* text) {
  return *core::target::parse(text);
}

credentials login(std::string user, std::string password) {
  return {std::move(user), core::secret{password}};
}

const socks5_client plain{to("example.org:443"), {}};
const socks5_client with_login{to("example.org:443"), login("me", "s3cret")};

const socks5_client pipelined{to("example.org:443"), login("me", "s3cret"), true};

const buffer chosen_none = "\x05\x00"_b;
const buffer granted = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"_b;
const buffer greeting = "\x05\x01\x00"_b;

buffer request(const buffer& address, const buffer& port = "\x01\xbb"_b) {
  return "\x05\x01\x00"_b + address + port;
}
buffer domain(const std::string& name) {
  return "\x03"_b + buffer{static_cast<std::uint8_t>(name.size())} + buffer{name.begin(), name.end()};
}

TEST(socks5_client, asks_by_name_and_by_address) {
  EXPECT_EQ(play(plain, chosen_none + granted).sent, greeting + request(domain("example.org")));
  EXPECT_EQ(play(socks5_client{to("192.0.2.1:80"), {}}, chosen_none + granted).sent,
            greeting + request("\x01\xc0\x00\x02\x01"_b, "\x00\x50"_b));
  EXPECT_EQ(play(socks5_client{to("[2001:db8::1]:80"), {}}, chosen_none + granted).sent,
            greeting + request("\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"_b, "\x00\x50"_b));
}

TEST(socks5_client, logs_in) {
  const played done = play(with_login, "\x05\x02\x01\x00"_b + granted);
  EXPECT_EQ(done.code, errc::ok) << to_string(done);
  EXPECT_EQ(done.sent, "\x05\x01\x02\x01\x02me\x06s3cret"_b + request(domain("example.org")));
}

// Every legal reply, cut everywhere: v4, v6 and domain as bound address.
TEST(socks5_client, B6_bytes_behind_the_reply_belong_to_the_stream_at_every_split) {
  const std::vector<buffer> replies{granted, "\x05\x00\x00\x04"_b + buffer(18, 7),
                                    "\x05\x00\x00\x03\x03"
                                    "abc\x00\x50"_b,
                                    "\x05\x00\x00\x03\xff"_b + buffer(257, 'x')};
  for (const buffer& reply : replies) {
    const buffer input = chosen_none + reply + "220 ready\r\n"_b;
    EXPECT_EQ(play(plain, input).taken, 2 + reply.size());
    EXPECT_EQ(check_splits(plain, input), "");
    EXPECT_EQ(check_truncation(plain, input, 2 + reply.size()), "");
  }
}

TEST(socks5_client, C1_one_byte_at_a_time) {
  const buffer input = "\x05\x02\x01\x00"_b + granted;
  const played done = play(with_login, input, every_byte(input.size()));
  EXPECT_EQ(done.code, errc::ok);
  EXPECT_EQ(done.taken, input.size());
}

TEST(socks5_client, C1_a_refusal_of_two_bytes_is_enough) {
  for (int rep = 1; rep < 256; ++rep) {
    const played done = play(plain, chosen_none + buffer{5, static_cast<std::uint8_t>(rep)});
    EXPECT_TRUE(done.done);
    EXPECT_EQ(done.code, errc::hop_refused);
    EXPECT_EQ(done.outcome, "request reply " + std::to_string(rep));
  }
}

TEST(socks5_client, C5_names_and_logins_are_measured_before_a_byte_is_sent) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');  // 253
  EXPECT_EQ(play(socks5_client{core::target{longest, 80}, {}}, chosen_none + granted).code, errc::ok);
  const std::vector<std::string> names{longest + "a", std::string(256, 'a'), std::string(65536 + 9, 'a')};
  for (const std::string& name : names) {
    const played done = play(socks5_client{core::target{name, 80}, {}}, {});
    EXPECT_TRUE(done.done);
    EXPECT_EQ(done.code, errc::bad_name);
    EXPECT_TRUE(done.sent.empty());
  }
  const std::string max(255, 'p');
  EXPECT_EQ(play(socks5_client{to("a:1"), login(max, max)}, "\x05\x02\x01\x00"_b + granted).code, errc::ok);
  for (const credentials& bad :
       {login(max + "p", "x"), login("x", max + "p"), login("", "x"), login("x", "")}) {
    const played done = play(socks5_client{to("a:1"), bad}, {});
    EXPECT_TRUE(done.done);
    EXPECT_EQ(done.code, errc::unsupported);
    EXPECT_TRUE(done.sent.empty());
  }
}

TEST(socks5_client, C7_no_name_brings_its_own_bytes) {
  using namespace std::string_literals;
  for (const std::string& name :
       {"a\r\nb"s, "a\0b"s, "a b"s, "a/b"s, "a:1"s, "[::1]"s, "ä.example"s, "1.2.3"s, ".a"s}) {
    const played done = play(socks5_client{core::target{name, 80}, {}}, {});
    EXPECT_EQ(done.code, errc::bad_name) << name;
    EXPECT_TRUE(done.sent.empty());
  }
}

TEST(socks5_client, C8_never_downgraded) {
  EXPECT_EQ(play(with_login, "\x05\x00"_b).code, errc::bad_message);  // "no authentication" was not offered
  EXPECT_EQ(play(with_login, "\x05\x01"_b).code, errc::bad_message);
  EXPECT_EQ(play(with_login, "\x05\xff"_b).code, errc::method_refused);
  EXPECT_EQ(play(plain, "\x05\x02"_b).code, errc::bad_message);
  EXPECT_EQ(play(plain, "\x05\xff"_b).code, errc::method_refused);
  EXPECT_EQ(play(with_login, "\x05\x00"_b).sent, "\x05\x01\x02"_b);  // and the destination stays ours
}

TEST(socks5_client, C8_what_is_not_legal_in_the_state_is_refused) {
  const auto code = [](const socks5_client& who, const buffer& input) {
    const played done = play(who, input);
    EXPECT_TRUE(done.done);
    return done.code;
  };
  EXPECT_EQ(code(plain, "\x04\x5a"_b), errc::bad_version);
  EXPECT_EQ(code(plain, "HTTP/1.1 400"_b), errc::bad_version);
  EXPECT_EQ(code(with_login, "\x05\x02\x05\x00"_b), errc::bad_version);  // the login's version is 1
  EXPECT_EQ(code(with_login, "\x05\x02\x01\x01"_b), errc::auth_failed);
  EXPECT_EQ(code(plain, chosen_none + "\x04\x00"_b), errc::bad_version);
  EXPECT_EQ(code(plain, chosen_none + "\x05\x00\x01\x01"_b), errc::bad_message);  // RSV
  EXPECT_EQ(code(plain, chosen_none + "\x05\x00\x00\x02"_b), errc::bad_message);  // ATYP
  EXPECT_EQ(code(plain, chosen_none + "\x05\x00\x00\x00"_b), errc::bad_message);
  EXPECT_EQ(code(plain, chosen_none + "\x05\x00\x00\x03\x00"_b), errc::bad_message);  // a domain of no bytes
}

TEST(socks5_client, B8_each_step_waits_for_its_answer) {
  EXPECT_EQ(play(with_login, {}).sent, "\x05\x01\x02"_b);
  EXPECT_EQ(play(with_login, "\x05\x02"_b).sent, "\x05\x01\x02\x01\x02me\x06s3cret"_b);
}

TEST(socks5_client, pipelined_says_everything_at_once) {
  const buffer all = "\x05\x01\x02\x01\x02me\x06s3cret"_b + request(domain("example.org"));
  EXPECT_EQ(play(pipelined, {}).sent, all);
  const buffer input = "\x05\x02\x01\x00"_b + granted + "220 ready\r\n"_b;
  const played done = play(pipelined, input);
  EXPECT_EQ(done.code, errc::ok) << to_string(done);
  EXPECT_EQ(done.sent, all);
  EXPECT_EQ(check_splits(pipelined, input), "");
  EXPECT_EQ(check_truncation(pipelined, input, 4 + granted.size()), "");
  EXPECT_EQ(play(socks5_client{to("192.0.2.1:80"), {}, true}, chosen_none + granted).sent,
            greeting + request("\x01\xc0\x00\x02\x01"_b, "\x00\x50"_b));
}

TEST(socks5_client, pipelined_or_not_the_answers_mean_the_same) {
  for (const buffer& answer : {"\x05\xff"_b, "\x05\x00"_b, "\x05\x02\x01\x01"_b, "\x05\x02\x01\x00\x05\x05"_b, "\x04"_b + granted}) {
    const played one = play(pipelined, answer), other = play(with_login, answer);
    EXPECT_EQ(one.code, other.code);
    EXPECT_EQ(one.outcome, other.outcome);
  }
}

TEST(socks5_client, step_for_the_verdict) {
  EXPECT_EQ(play(plain, "\x05\xff"_b).outcome, "auth reply 0");
  EXPECT_EQ(play(with_login, "\x05\x02\x01\x01"_b).outcome, "auth reply 0");
  EXPECT_EQ(play(plain, chosen_none + "\x05\x05"_b).outcome, "request reply 5");
}

TEST(socks5_client, noise) {
  EXPECT_EQ(check_noise(plain, chosen_none + granted), "");
  EXPECT_EQ(check_noise(with_login, "\x05\x02\x01\x00"_b + granted), "");
  EXPECT_EQ(check_noise(pipelined, "\x05\x02\x01\x00"_b + granted), "");
}

TEST(socks5_server, reads_every_kind_of_destination) {
  const auto read = [](const buffer& address) {
    return play(socks5_server{}, greeting + request(address)).outcome;
  };
  EXPECT_EQ(read(domain("example.org")), "example.org:443 reply due");
  EXPECT_EQ(read("\x01\xc0\x00\x02\x01"_b), "192.0.2.1:443 reply due");
  EXPECT_EQ(read("\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"_b), "[2001:db8::1]:443 reply due");
}

TEST(socks5_server, a_domain_that_spells_an_address_is_one) {
  for (const char* text : {"192.0.2.1", "2001:db8::1", "[2001:db8::1]"}) {
    player<socks5_server> one{socks5_server{}};
    const buffer input = greeting + request(domain(text));
    one.give(input);
    EXPECT_EQ(one.finish().code, errc::ok);
    EXPECT_FALSE(one.scene().out.destination.is_name()) << text;
  }
}

TEST(socks5_server, B7_bytes_behind_the_request_belong_to_the_stream_at_every_split) {
  for (const buffer& address : {domain("example.org"), "\x01\xc0\x00\x02\x01"_b, "\x04"_b + buffer(16, 7)}) {
    const buffer spoken = "\x05\x03\x01\x02\x00"_b + request(address);
    const buffer input = spoken + "GET / HTTP/1.1\r\n"_b;
    EXPECT_EQ(check_splits(socks5_server{}, input), "");
    EXPECT_EQ(check_truncation(socks5_server{}, input, spoken.size()), "");
  }
}

TEST(socks5_server, C1_one_byte_at_a_time) {
  const buffer input = greeting + request(domain("example.org"));
  EXPECT_EQ(play(socks5_server{}, input, every_byte(input.size())).code, errc::ok);
}

TEST(socks5_server, answers_the_methods) {
  EXPECT_EQ(play(socks5_server{}, greeting).sent, "\x05\x00"_b);
  for (const buffer& offer : {"\x05\x01\x02"_b, "\x05\x00"_b, "\x05\x02\x01\xff"_b}) {
    const played done = play(socks5_server{}, offer);
    EXPECT_EQ(done.code, errc::method_refused);
    EXPECT_EQ(done.sent, "\x05\xff"_b);
    EXPECT_EQ(done.outcome, "0.0.0.0:0");  // 05 FF was the answer, no reply is due
  }
}

TEST(socks5_server, C8_what_it_refuses_and_whether_a_reply_is_due) {
  const auto refused = [](const buffer& input, errc code, bool reply) {
    const played done = play(socks5_server{}, input);
    EXPECT_TRUE(done.done);
    EXPECT_EQ(done.code, code) << to_string(done);
    EXPECT_EQ(done.outcome, reply ? "0.0.0.0:0 reply due" : "0.0.0.0:0");
  };
  refused("\x04\x01"_b, errc::bad_version, false);
  refused(greeting + "\x04\x01\x00\x01"_b, errc::bad_version, false);
  const buffer v4 = "\x01\xc0\x00\x02\x01\x00\x50"_b;
  refused(greeting + "\x05\x02\x00"_b + v4, errc::bad_command, true);  // BIND
  refused(greeting + "\x05\x03\x00"_b + v4, errc::bad_command, true);  // UDP ASSOCIATE
  refused(greeting + "\x05\x01\x01"_b + v4, errc::bad_message, true);
  refused(greeting + request("\x02"_b), errc::bad_name, true);
  refused(greeting + request(domain("")), errc::bad_name, true);
  refused(greeting + request(domain("example.org"), "\0\0"_b), errc::bad_message, true);
}

TEST(socks5_server, C7_a_domain_must_be_a_host_name) {
  using namespace std::string_literals;
  for (const std::string& name : {"a\r\nHost: b"s, "a\0b"s, "a b"s, "user@host"s, "a:80"s, "999.1.1.1"s,
                                  "a..b"s, std::string(254, 'a'), std::string(255, 'a')}) {
    const played done = play(socks5_server{}, greeting + request(domain(name)));
    EXPECT_EQ(done.code, errc::bad_name) << name;
    EXPECT_EQ(done.outcome, "0.0.0.0:0 reply due");
  }
}

TEST(socks5_server, asks_for_a_login_where_there_are_users) {
  const buffer spoken = "\x05\x02\x00\x02\x01\x02me\x06s3cret"_b + request(domain("example.org"));
  const played done = play(socks5_server{true}, spoken);
  EXPECT_EQ(done.code, errc::ok);
  EXPECT_EQ(done.outcome, "me/s3cret example.org:443 reply due");
  EXPECT_EQ(done.sent, "\x05\x02\x01\x00"_b);
  EXPECT_EQ(check_splits(socks5_server{true}, spoken + "GET /"_b), "");
  EXPECT_EQ(check_truncation(socks5_server{true}, spoken + "GET /"_b, spoken.size()), "");
  EXPECT_EQ(check_noise(socks5_server{true}, spoken), "");
}

TEST(socks5_server, C8_with_users_nobody_comes_in_without_a_login) {
  for (const buffer& offer : {"\x05\x01\x00"_b, "\x05\x02\x00\x01"_b, "\x05\x00"_b}) {
    const played done = play(socks5_server{true}, offer + request(domain("example.org")));
    EXPECT_EQ(done.code, errc::method_refused);
    EXPECT_EQ(done.sent, "\x05\xff"_b);
    EXPECT_EQ(done.outcome, "/ 0.0.0.0:0");
  }
}

TEST(socks5_server, C8_a_login_that_is_not_legal) {
  const auto code = [](const buffer& login) { return play(socks5_server{true}, "\x05\x01\x02"_b + login).code; };
  EXPECT_EQ(code("\x05\x02me\x06s3cret"_b), errc::bad_version);  // its version is 1
  EXPECT_EQ(code("\x00\x02me\x06s3cret"_b), errc::bad_version);
  EXPECT_EQ(code("\x01\x00\x06s3cret"_b), errc::bad_message);
  EXPECT_EQ(play(socks5_server{true}, "\x05\x01\x02\x01\x02me\x00"_b).outcome, "me/ 0.0.0.0:0");
  const std::string longest(255, 'p');
  const buffer whole = "\x05\x01\x02\x01\xff"_b + buffer(255, 'u') + "\xff"_b + buffer(255, 'p');
  EXPECT_EQ(play(socks5_server{true}, whole).outcome, std::string(255, 'u') + "/" + longest + " 0.0.0.0:0");
}

TEST(socks5_server, noise) {
  EXPECT_EQ(check_noise(socks5_server{}, greeting + request(domain("example.org"))), "");
}

TEST(socks5, B6_B7_client_and_server_agree_in_pieces_of_every_size) {
  for (const char* where : {"example.org:443", "192.0.2.1:80", "[2001:db8::1]:65535"}) {
    for (std::size_t piece = 1; piece <= 40; ++piece) {
      const auto reply = [](const socks5_server&) {
        const auto out = socks5_reply(0);
        return buffer{out.begin(), out.end()};
      };
      const auto [client, server] = run_against(socks5_client{to(where), {}}, socks5_server{}, piece, reply);
      EXPECT_EQ(client.code, errc::ok);
      EXPECT_TRUE(client.done && server.done);
      EXPECT_EQ(server.outcome, std::string{where} + " reply due");
      EXPECT_EQ(server.taken, client.sent.size());
    }
  }
}

TEST(socks5, B6_B7_client_and_server_agree_on_a_login_in_pieces_of_every_size) {
  for (std::size_t piece = 1; piece <= 40; ++piece) {
    const auto reply = [](const socks5_server&) {
      const auto out = socks5_reply(0);
      return buffer{out.begin(), out.end()};
    };
    const auto [client, server] = run_against(with_login, socks5_server{true}, piece, reply);
    EXPECT_EQ(client.code, errc::ok);
    EXPECT_EQ(server.outcome, "me/s3cret example.org:443 reply due");
  }
}

TEST(socks5, C8_a_client_with_credentials_and_our_server_part) {
  const auto silence = [](const socks5_server&) { return buffer{}; };
  const auto [client, server] = run_against(with_login, socks5_server{}, 1, silence);
  EXPECT_EQ(client.code, errc::method_refused);
  EXPECT_EQ(server.code, errc::method_refused);
}

}  // namespace
}  // namespace omnilink::wire::playbook
