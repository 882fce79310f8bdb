#include "wire/http_forward.hpp"

#include <gtest/gtest.h>

#include "tests/wire/scenes.hpp"

namespace omnilink::wire::playbook {
namespace {

buffer b(std::string_view text) { return {text.begin(), text.end()}; }

played ask(const std::string& head) { return play(http_server{}, b(head)); }

// The head that the origin gets.
std::string forwarded(const std::string& line, const std::string& fields) {
  player<http_server> one{http_server{}};
  const buffer input = b(line + " HTTP/1.1\r\nHost: example.org\r\n" + fields + "\r\n");
  one.give(input);
  EXPECT_TRUE(one.done());
  EXPECT_EQ(one.finish().code, errc::ok) << line;
  return one.scene().out.head;
}

http_request request_of(const std::string& head) {
  player<http_server> one{http_server{}};
  const buffer input = b(head);
  one.give(input);
  EXPECT_EQ(one.finish().code, errc::ok) << head;
  return std::move(one.scene().out);
}

TEST(http_forward, a_request_becomes_one_for_its_origin) {
  EXPECT_EQ(forwarded("GET http://example.org/a/b?c=d", "Accept: */*\r\nUser-Agent: curl\r\n"),
            "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nUser-Agent: curl\r\n\r\n");
  EXPECT_EQ(forwarded("GET http://example.org", ""), "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
  EXPECT_EQ(forwarded("GET HTTP://other.example:8080?q", ""), "GET /?q HTTP/1.1\r\nHost: other.example:8080\r\n\r\n");
  EXPECT_EQ(forwarded("GET http://[2001:db8::1]:80/", ""), "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n");
  EXPECT_EQ(forwarded("GET http://192.0.2.1:/", ""), "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n");
  EXPECT_EQ(forwarded("OPTIONS http://example.org", ""), "OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n");
}

TEST(http_forward, what_is_about_this_connection_stays_here) {
  EXPECT_EQ(forwarded("GET http://example.org/",
                      "Proxy-Connection: Keep-Alive\r\nProxy-Authorization: Basic bWU6czNjcmV0\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                      "X-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nConnection: close , x-two\r\nConnection: X-THREE,\r\n"),
            "GET / HTTP/1.1\r\nHost: example.org\r\nX-One: 1\r\n\r\n");
  EXPECT_EQ(forwarded("GET http://example.org/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket\r\nHTTP2-Settings: x\r\n"),
            "GET / HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_EQ(forwarded("GET http://example.org/", "Upgrade: websocket\r\n"), "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
}

TEST(http_forward, who_may_go_on) {
  EXPECT_TRUE(request_of("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n").persistent);
  EXPECT_FALSE(request_of("GET http://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").persistent);
  const http_request old = request_of("GET http://a/ HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(old.persistent);
  EXPECT_FALSE(old.interim);
  EXPECT_EQ(old.head, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(request_of("HEAD http://a/ HTTP/1.1\r\nHost: a\r\n\r\n").no_body_back);
}

TEST(http_forward, C7_a_body_whose_end_is_in_doubt_is_refused) {
  const auto code = [](const std::string& fields) { return ask("POST http://a/ HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n").code; };
  EXPECT_EQ(code("Content-Length: 5\r\n"), errc::ok);
  EXPECT_EQ(code("Content-Length: 5\r\nContent-Length: 5\r\n"), errc::ok);
  EXPECT_EQ(code("Transfer-Encoding: Chunked\r\n"), errc::ok);
  for (const char* fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n", "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n", "Content-Length: 5 5\r\n", "Content-Length:\r\n", "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 9223372036854775807\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \x0b" "chunked\r\n", "Content-Length : 5\r\n", " Content-Length: 5\r\n", "X: a\r\n Content-Length: 5\r\n",
        "X: a\nContent-Length: 5\r\n", "X: a\rContent-Length: 5\r\n", "Connection: Content-Length\r\nContent-Length: 5\r\n",
        "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "Connection: host\r\n", "Host: b\r\n", "X: a\x01\r\n",
        "Proxy-Authorization: a\r\nProxy-Authorization: b\r\n"})
    EXPECT_EQ(code(fields), errc::bad_message) << fields;
  EXPECT_EQ(ask("POST http://a/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").code, errc::bad_message);
  EXPECT_EQ(ask("GET http://a/ HTTP/1.1\r\n\r\n").code, errc::bad_message) << "no Host";
  EXPECT_EQ(ask("GET http://a/b#c HTTP/1.1\r\nHost: a\r\n\r\n").code, errc::bad_message);
  EXPECT_EQ(ask("GET http://a/b\tc HTTP/1.1\r\nHost: a\r\n\r\n").code, errc::bad_message);
}

TEST(http_forward, B7_bytes_behind_the_head_belong_to_the_stream_at_every_split) {
  const std::string head = "POST http://a/ HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\nConnection: x\r\nX: y\r\n\r\n";
  EXPECT_EQ(check_splits(http_server{}, b(head + "hello")), "");
  EXPECT_EQ(check_truncation(http_server{}, b(head + "hello"), head.size()), "");
  EXPECT_EQ(check_noise(http_server{}, b(head)), "");
}

played answer(const std::string& head, http_request asked = {}) { return play(http_answer{std::move(asked)}, b(head)); }

TEST(http_forward, an_answer_becomes_one_for_the_client) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: x\r\nConnection: a\r\nA: b\r\nServer: s\r\n\r\n").outcome,
            "200 HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\nsome persistent");
  EXPECT_EQ(answer("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n").outcome,
            "200 HTTP/1.1 200\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\nsome persistent");
  EXPECT_EQ(answer("HTTP/1.0 200 OK\r\n\r\n").outcome, "200 HTTP/1.1 200 OK\r\nuntil close");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").outcome, "200 HTTP/1.1 200 OK\r\nContent-Length: 0\r\nnone");
}

TEST(http_forward, answers_without_a_body) {
  for (const char* status : {"100", "103", "204", "304"})
    EXPECT_NE(answer("HTTP/1.1 " + std::string{status} + " x\r\nContent-Length: 5\r\n\r\n").outcome.find("none persistent"), std::string::npos) << status;
  http_request head;
  head.no_body_back = true;
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", std::move(head)).outcome, "200 HTTP/1.1 200 OK\r\nContent-Length: 5\r\nnone persistent");
}

TEST(http_forward, another_protocol_only_where_it_was_asked_for) {
  const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_EQ(answer(switching).code, errc::bad_message);
  http_request asked;
  asked.upgrades = true;
  EXPECT_EQ(answer(switching, std::move(asked)).outcome, "101 HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nnone");
}

TEST(http_forward, C7_answers_are_parsed_strictly) {
  for (const char* head :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n b\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n", "HTTP/1.1 200OK\r\n\r\n", "SSH-2.0\r\n",
        "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\n"})
    EXPECT_EQ(answer(head).code, errc::bad_message) << head;
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nA: " + std::string(http_head_max, 'a')).code, errc::oversized);
  std::string lines = "HTTP/1.1 200 OK\r\n";
  for (std::size_t i = 0; i <= http_lines_max; ++i) lines += "a: b\r\n";
  EXPECT_EQ(answer(lines + "\r\n").code, errc::oversized);
}

TEST(http_forward, C1_answers_at_every_split) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x\r\n\r\n";
  EXPECT_EQ(check_splits(http_answer{}, b(head + "hello")), "");
  EXPECT_EQ(check_truncation(http_answer{}, b(head + "hello"), head.size()), "");
  EXPECT_EQ(check_noise(http_answer{}, b(head)), "");
}

// How far a body goes, in pieces; nullopt: it is refused.
std::optional<std::size_t> end_of(http_body body, const std::string& data, std::size_t piece) {
  const buffer input = b(data);
  std::size_t at = 0;
  while (at < input.size() && !body.complete()) {
    const auto part = body.take(bytes{input}.subspan(at, std::min(piece, input.size() - at)));
    at += part.count;
    if (part.code != errc::ok) return {};
  }
  return body.complete() ? at : std::string::npos;
}

TEST(http_body, ends_where_it_ends_at_every_split) {
  const std::vector<std::string> chunked{"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "00a;x=\"y\"\r\n0123456789\r\n1\r\n\n\r\n000\r\nA: b\r\nC:\r\n\r\n",
                                         "F\r\n0123456789abcde\r\n0;last\r\n\r\n"};
  for (const std::string& one : chunked) {
    for (std::size_t piece = 1; piece <= one.size() + 4; ++piece)
      EXPECT_EQ(end_of(http_body::chunked(), one + "GET ", piece), one.size()) << one << piece;
    EXPECT_EQ(end_of(http_body::chunked(), one.substr(0, one.size() - 1), 3), std::string::npos) << one;
  }
  EXPECT_EQ(end_of(http_body::of_length(5), "helloGET ", 2), 5u);
  EXPECT_TRUE(http_body::of_length(0).complete());
  EXPECT_TRUE(http_body::none().complete());
  EXPECT_EQ(end_of(http_body::until_close(), "hello", 2), std::string::npos);
}

TEST(http_body, C7_a_chunk_that_is_none) {
  for (const char* data : {"\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\n", "1\n", "1\rx", "1;a\nb\r\n", "1;\x01\r\n", "1\r\nab\r\n",
                           "1\r\na\n", "1\r\na\rb", "0\r\nA b\r\n\r\n", "0\r\n: b\r\n", "0\r\n A: b\r\n", "0\r\nA: b\n\r\n", "0\r\nA: \x01\r\n", "0\r\n\n",
                           "0\r\n\rx", "1000000000000000\r\n"})
    EXPECT_FALSE(end_of(http_body::chunked(), data, 100)) << data;
  EXPECT_FALSE(end_of(http_body::chunked(), "1;" + std::string(http_head_max + 1, 'a'), 1000));
  std::string trailers = "0\r\n";
  for (std::size_t i = 0; i <= http_lines_max; ++i) trailers += "a: b\r\n";
  EXPECT_FALSE(end_of(http_body::chunked(), trailers, 1000));
}

}  // namespace
}  // namespace omnilink::wire::playbook
