#include "wire/http_connect.hpp"

#include <gtest/gtest.h>

#include "tests/wire/scenes.hpp"

namespace omnilink::wire::playbook {
namespace {

core::target to(const char* text) {
  return *core::target::parse(text);
}

buffer b(std::string_view text) {
  return {text.begin(), text.end()};
}

credentials login(std::string user, std::string password) {
  return {std::move(user), core::secret{password}};
}

const http_client plain{to("example.org:443"), {}};
const http_client with_login{to("example.org:443"), login("Aladdin", "open sesame")};

const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";

played answer(std::string_view reply) {
  return play(plain, b(reply));
}

TEST(http_client, asks_by_name_and_by_address) {
  EXPECT_EQ(text_of(answer(established).sent),
            "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  EXPECT_EQ(text_of(play(http_client{to("192.0.2.1:80"), {}}, {}).sent),
            "CONNECT 192.0.2.1:80 HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n");
}

TEST(http_client, C4_an_ipv6_address_stands_in_brackets) {
  EXPECT_EQ(text_of(play(http_client{to("[2001:db8::1]:80"), {}}, {}).sent),
            "CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n");
}

// RFC 7617 section 2 and RFC 4648 section 10: every length of padding.
TEST(http_client, basic_credentials) {
  const auto header = [](const char* user, const char* password) {
    const std::string sent = text_of(play(http_client{to("a:1"), login(user, password)}, {}).sent);
    const std::string key = "Proxy-Authorization: Basic ";
    const std::size_t begin = sent.find(key) + key.size();
    return sent.substr(begin, sent.find('\r', begin) - begin);
  };
  EXPECT_EQ(header("Aladdin", "open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(header("f", "o"), "Zjpv");
  EXPECT_EQ(header("f", "oo"), "Zjpvbw==");
  EXPECT_EQ(header("f", "oob"), "Zjpvb2I=");
  EXPECT_EQ(header("\xc3\xa4", ""), "w6Q6");
}

TEST(http_client, C4_any_2xx_is_a_tunnel_whatever_its_headers_say) {
  for (const char* reply : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n",
                            "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 299 x\r\nContent-Length: 5\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n"}) {
    const played done = answer(std::string{reply} + "12345");
    EXPECT_EQ(done.code, errc::ok) << reply;
    EXPECT_EQ(done.taken, std::string_view{reply}.size());
  }
}

TEST(http_client, C4_interim_replies_are_skipped_up_to_a_limit) {
  const std::string interim = "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n";
  std::string some;
  for (int i = 0; i < http_interim_max; ++i) some += interim;
  EXPECT_EQ(answer(some + established).code, errc::ok);
  EXPECT_EQ(answer(some + interim + established).code, errc::oversized);
  EXPECT_EQ(answer("HTTP/1.1 101 Switching Protocols\r\n\r\n").code, errc::bad_message);
  EXPECT_EQ(answer(interim + "HTTP/1.1 502 x\r\n").outcome, "request status 502");
}

TEST(http_client, B6_bytes_behind_the_reply_belong_to_the_stream_at_every_split) {
  for (const std::string& reply : {established, std::string{"HTTP/1.1 200\r\nA:\r\nVia: 1.1 x\r\n\r\n"},
                                   "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + established}) {
    const buffer input = b(reply + "\r\n220 ready\r\n");
    EXPECT_EQ(check_splits(plain, input), "");
    EXPECT_EQ(check_truncation(plain, input, reply.size()), "");
  }
}

TEST(http_client, B8_C9_other_statuses_end_it_at_their_line) {
  for (const int status : {300, 302, 400, 403, 404, 405, 500, 502, 503, 504, 599}) {
    const played done = answer("HTTP/1.1 " + std::to_string(status) + " No\r\n");
    EXPECT_TRUE(done.done);
    EXPECT_EQ(done.code, errc::hop_refused);
    EXPECT_EQ(done.outcome, "request status " + std::to_string(status));
  }
  EXPECT_EQ(answer("HTTP/1.1 407 Proxy Authentication Required\r\n").code, errc::auth_required);
  const played failed = play(with_login, b("HTTP/1.1 407 Proxy Authentication Required\r\n"));
  EXPECT_EQ(failed.code, errc::auth_failed);
  EXPECT_EQ(failed.outcome, "auth status 407");
}

TEST(http_client, C1_one_byte_at_a_time) {
  const buffer input = b(established);
  EXPECT_EQ(play(plain, input, every_byte(input.size())).code, errc::ok);
}

TEST(http_client, C3_heads_are_bounded_in_bytes_also_when_their_end_is_there) {
  const auto head_of = [](std::size_t size) {
    const std::string begin = "HTTP/1.1 200 OK\r\nX: ";
    return begin + std::string(size - begin.size() - 4, 'a') + "\r\n\r\n";
  };
  EXPECT_EQ(answer(head_of(http_head_max)).code, errc::ok);
  EXPECT_EQ(answer(head_of(http_head_max + 1)).code, errc::oversized);
  EXPECT_EQ(answer(head_of(70'000)).code, errc::oversized);
  EXPECT_EQ(answer("HTTP/1.1 200 " + std::string(http_head_max, 'a')).code, errc::oversized);
  // The status line alone fills the head: its end may not be waited for.
  const std::string full = "HTTP/1.1 200 " + std::string(http_head_max - 15, 'a') + "\r\n";
  EXPECT_EQ(full.size(), http_head_max);
  EXPECT_EQ(answer(full).code, errc::oversized);
  EXPECT_TRUE(answer(full).done);
  const played endless = answer("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'a'));
  EXPECT_EQ(endless.code, errc::oversized);
  EXPECT_LE(endless.taken, http_head_max);
}

TEST(http_client, C3_heads_are_bounded_in_lines) {
  const auto lines = [](std::size_t count) {
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (std::size_t i = 0; i < count; ++i) head += "a: b\r\n";
    return head + "\r\n";
  };
  EXPECT_EQ(answer(lines(http_lines_max)).code, errc::ok);
  EXPECT_EQ(answer(lines(http_lines_max + 1)).code, errc::oversized);
}

TEST(http_client, C7_replies_are_parsed_strictly) {
  using namespace std::string_literals;
  for (const std::string& reply : {"HTTP/1.1 200 OK\n\n"s,
                                   "HTTP/1.1 200 OK\r\r\n"s,
                                   "HTTP/1.1 2\r0 OK\r\n"s,
                                   "HTTP/1.1 200 O\0K\r\n"s,
                                   "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n"s,
                                   "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n"s,
                                   "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"s,
                                   "HTTP/1.1 200 OK\r\n: empty\r\n"s,
                                   "HTTP/1.1 200 OK\r\nA : b\r\n"s,
                                   "HTTP/1.1 200 OK\r\n folded: x\r\n"s,
                                   "HTTP/1.1 200 OK\r\nno colon\r\n"s,
                                   "HTTP/1.1  200 OK\r\n"s,
                                   "HTTP/1.1 20 OK\r\n"s,
                                   "HTTP/1.1 2000 OK\r\n"s,
                                   "HTTP/1.1 +20 OK\r\n"s,
                                   "HTTP/1.1 099 OK\r\n"s,
                                   "HTTP/1.1 600 OK\r\n"s,
                                   "HTTP/1.1 200\tOK\r\n"s,
                                   "HTTP/1 200 OK\r\n"s,
                                   "http/1.1 200 OK\r\n"s,
                                   "\r\n\r\n\r\n"s,
                                   "HTTP/1.1\r\n"s,
                                   " HTTP/1.1 200 OK\r\n"s,
                                   "SSH-2.0-x"s,
                                   "\x15\x03\x03\x00\x02\x02\x46"s}) {
    const played done = answer(reply);
    EXPECT_TRUE(done.done) << reply;
    EXPECT_EQ(done.code, errc::bad_message) << reply;
  }
  EXPECT_EQ(answer("HTTP/2.0 200 OK\r\n").code, errc::bad_version);
  EXPECT_EQ(answer("HTTP/1.2 200 OK\r\n").code, errc::bad_version);
}

TEST(http_client, C5_C7_names_and_logins_are_judged_before_a_byte_is_sent) {
  using namespace std::string_literals;
  for (const std::string& name :
       {"a\r\nX: y"s, "a\0b"s, "a b"s, "a:1"s, "a/b"s, "[::1]"s, std::string(300, 'a')}) {
    const played done = play(http_client{core::target{name, 80}, {}}, {});
    EXPECT_EQ(done.code, errc::bad_name) << name;
    EXPECT_TRUE(done.sent.empty());
  }
  const std::string max(255, 'p');
  const std::string label(63, 'a');
  const core::target longest{label + "." + label + "." + label + "." + std::string(61, 'a') + ".", 65535};
  const std::string sent = text_of(play(http_client{longest, login(max, max)}, {}).sent);
  EXPECT_TRUE(sent.ends_with("\r\n\r\n")) << "the largest request fits its buffer";
  for (const credentials& bad :
       {login(max + "p", ""), login("x", max + "p"), login("a:b", "x"), login("a", "x\r\ny")}) {
    const played done = play(http_client{to("a:1"), bad}, {});
    EXPECT_EQ(done.code, errc::unsupported);
    EXPECT_TRUE(done.sent.empty());
  }
}

TEST(http_client, noise) {
  EXPECT_EQ(check_noise(plain, b("HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n")), "");
}

played ask(std::string_view request) {
  return play(http_server{}, b(request));
}

const std::string request = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n";

TEST(http_server, reads_every_kind_of_destination) {
  EXPECT_EQ(ask(request).outcome, "example.org:443 reply due");
  EXPECT_EQ(ask("CONNECT 192.0.2.1:80 HTTP/1.0\r\n\r\n").outcome, "192.0.2.1:80 reply due");
  EXPECT_EQ(ask("CONNECT [2001:db8::1]:80 HTTP/1.1\r\n\r\n").outcome, "[2001:db8::1]:80 reply due");
}

TEST(http_server, B7_bytes_behind_the_head_belong_to_the_stream_at_every_split) {
  const buffer input = b(request + "\r\n\x16\x03\x01");
  EXPECT_EQ(check_splits(http_server{}, input), "");
  EXPECT_EQ(check_truncation(http_server{}, input, request.size()), "");
}

TEST(http_server, C1_one_byte_at_a_time) {
  const buffer input = b(request);
  EXPECT_EQ(play(http_server{}, input, every_byte(input.size())).code, errc::ok);
}

TEST(http_server, C3_heads_are_bounded) {
  const std::string begin = "CONNECT a:1 HTTP/1.1\r\nX: ";
  const auto head_of = [&](std::size_t size) {
    return begin + std::string(size - begin.size() - 4, 'a') + "\r\n\r\n";
  };
  EXPECT_EQ(ask(head_of(http_head_max)).code, errc::ok);
  EXPECT_EQ(ask(head_of(http_head_max + 1)).code, errc::oversized);
  const played endless = ask("CONNECT " + std::string(100'000, 'a'));
  EXPECT_EQ(endless.code, errc::oversized);
  EXPECT_LE(endless.taken, http_head_max);
  std::string lines = "CONNECT a:1 HTTP/1.1\r\n";
  for (std::size_t i = 0; i < http_lines_max; ++i) lines += "a: b\r\n";
  EXPECT_EQ(ask(lines + "\r\n").code, errc::ok);
  EXPECT_EQ(ask(lines + "a: b\r\n\r\n").code, errc::oversized);
  const std::string full = "GET /" + std::string(http_head_max - 16, 'a') + " HTTP/1.1\r\n";
  EXPECT_TRUE(ask(full).done);
  EXPECT_EQ(ask(full).code, errc::oversized);
}

TEST(http_server, C4_C7_the_target_is_an_authority_and_nothing_else) {
  for (const char* where :
       {"example.org", "example.org:", "example.org:0", "example.org:65536", "example.org:+1",
        "2001:db8::1:80", "http://example.org:80", "example.org:80/", "user@example.org:80", ":80",
        "[192.0.2.1]:80", "a..b:80", "1.2.3:80", "*", "/"}) {
    const played done = ask("CONNECT " + std::string{where} + " HTTP/1.1\r\n\r\n");
    EXPECT_EQ(done.code, errc::bad_name) << where;
    EXPECT_EQ(done.outcome, "0.0.0.0:0 reply due");
  }
}

TEST(http_server, what_is_not_for_a_proxy_is_read_whole_and_refused) {
  for (const char* line : {"GET /", "OPTIONS *", "GET https://example.org/", "GET ftp://example.org/", "GET http:///", "GET http://me@example.org/",
                           "GET http://a..b/", "GET http://example.org:0/", "GET http://2001:db8::1/", "connect a:1"}) {
    const std::string request = line + std::string{" HTTP/1.1\r\nHost: example.org\r\n\r\n"};
    const played done = ask(request + "body");
    EXPECT_EQ(done.code, errc::bad_name) << line;
    EXPECT_EQ(done.taken, request.size());
  }
}

TEST(http_server, C7_requests_are_parsed_strictly) {
  using namespace std::string_literals;
  for (const std::string& head :
       {"CONNECT a:1 HTTP/1.1\n\n"s, "CONNECT  a:1 HTTP/1.1\r\n"s, "CONNECT a:1  HTTP/1.1\r\n"s,
        " CONNECT a:1 HTTP/1.1\r\n"s, "CONNECT a:1\r\n"s, "CONNECT\r\n"s, "\r\n"s,
        "CONNECT a:1 HTTP/1.1 \r\n"s, "CONNECT a:1\0 HTTP/1.1\r\n"s, "CONNECT a:1 HTTP/1.1\r\nA: b\n\r\n"s,
        "CONNECT a:1 HTTP/1.1\r\nA b\r\n"s, "CONNECT a:1 HTTP/1.1\r\n: b\r\n"s,
        "CONNECT a:1 HTTP/1.1\r\n\tA: b\r\n"s, "CONNECT a:1 HTTP/1.1\r\nHost : b\r\n"s,
        "C(N a:1 HTTP/1.1\r\n"s, "CONNECT a:1 HTTP/x.1\r\n"s, "CONNECT a:1 ftp/1.1\r\n"s,
        "CONNECT a:1 HTTP/11\r\n"s}) {
    const played done = ask(head);
    EXPECT_TRUE(done.done) << head;
    EXPECT_EQ(done.code, errc::bad_message) << head;
    EXPECT_EQ(done.outcome, "0.0.0.0:0 reply due");
  }
  EXPECT_EQ(ask("PRI * HTTP/2.0\r\n").code, errc::bad_version);
}

TEST(http_server, C8_a_login_is_read_where_it_is_one) {
  const auto with = [](const std::string& field) { return ask("CONNECT a:1 HTTP/1.1\r\n" + field + "\r\n\r\n").outcome; };
  EXPECT_EQ(with("Proxy-Authorization: Basic bWU6czNjcmV0"), "me/s3cret a:1 reply due");
  EXPECT_EQ(with("proxy-authorization:basic bWU6czNjcmV0 "), "me/s3cret a:1 reply due");
  EXPECT_EQ(with("Proxy-Authorization: Bearer bWU6czNjcmV0"), "a:1 reply due");
  EXPECT_EQ(with("Proxy-Authorization: Basic bWU6czNjcmV"), "a:1 reply due");
  EXPECT_EQ(with("Authorization: Basic bWU6czNjcmV0"), "a:1 reply due");
}

TEST(http_server, noise) {
  EXPECT_EQ(check_noise(http_server{}, b(request)), "");
}

TEST(http_reply, is_exact) {
  EXPECT_EQ(http_reply(200), "HTTP/1.1 200 Connection established\r\n\r\n");
  EXPECT_EQ(http_reply(502),
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 22\r\nConnection: "
            "close\r\n\r\n"
            "omnilink: Bad Gateway\n");
  EXPECT_EQ(http_reply(502, true).find("Connection"), std::string::npos);
  EXPECT_NE(http_reply(407).find("\r\nProxy-Authenticate: Basic realm=\"omnilink\""), std::string::npos);
  EXPECT_NE(http_reply(405).find("\r\nAllow: CONNECT\r\n"), std::string::npos);
}

TEST(http_connect, B6_B7_client_and_server_agree_in_pieces_of_every_size) {
  for (const char* where : {"example.org:443", "192.0.2.1:80", "[2001:db8::1]:65535"}) {
    for (std::size_t piece = 1; piece <= 100; ++piece) {
      const auto reply = [](const http_server&) { return b(http_reply(200)); };
      const auto [client, server] =
          run_against(http_client{to(where), login("u", "p")}, http_server{}, piece, reply);
      EXPECT_EQ(client.code, errc::ok);
      EXPECT_TRUE(client.done && server.done);
      EXPECT_EQ(server.outcome, "u/p " + std::string{where} + " reply due");
      EXPECT_EQ(server.taken, client.sent.size());
    }
  }
}

TEST(http_connect, every_failure_reply_is_understood) {
  for (const std::uint16_t status : {400, 403, 405, 407, 431, 500, 501, 502, 503, 504}) {
    const played done = answer(http_reply(status));
    EXPECT_EQ(done.code, status == 407 ? errc::auth_required : errc::hop_refused);
    EXPECT_EQ(done.outcome, (status == 407 ? "auth" : "request") + (" status " + std::to_string(status)));
  }
}

}  // namespace
}  // namespace omnilink::wire::playbook
