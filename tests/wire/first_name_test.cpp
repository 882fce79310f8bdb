#include "wire/first_name.hpp"

#include <gtest/gtest.h>

#include "tests/wire/playbook.hpp"

namespace omnilink::wire::playbook {
namespace {

using state = first_name::state;

buffer sized(std::size_t bytes_of_size, const buffer& data) {
  buffer out;
  for (std::size_t i = bytes_of_size; i-- > 0;) out.push_back(static_cast<std::uint8_t>(data.size() >> 8 * i));
  return out + data;
}

buffer text(std::string_view words) { return {words.begin(), words.end()}; }

buffer extension(std::uint16_t kind, const buffer& data) {
  return buffer{static_cast<std::uint8_t>(kind >> 8), static_cast<std::uint8_t>(kind)} + sized(2, data);
}

buffer sni(std::string_view name, std::uint8_t kind = 0) { return extension(0, sized(2, buffer{kind} + sized(2, text(name)))); }

buffer hello(const buffer& extensions) {
  const buffer body = "\x03\x03"_b + buffer(32, 'r') + sized(1, buffer(32, 's')) + sized(2, "\x13\x01\x13\x02"_b) + sized(1, "\x00"_b) +
                      sized(2, extensions);
  return "\x01"_b + sized(3, body);
}

// In records of so many bytes.
buffer records(const buffer& message, std::size_t each = 16384) {
  buffer out;
  for (std::size_t at = 0; at < message.size(); at += each) {
    const auto begin = message.begin() + static_cast<std::ptrdiff_t>(at);
    out = out + "\x16\x03\x01"_b + sized(2, buffer(begin, begin + static_cast<std::ptrdiff_t>(std::min(each, message.size() - at))));
  }
  return out;
}

std::string in_words(const first_name& read) {
  constexpr const char* words[] = {"incomplete", "none", "found "};
  return words[static_cast<int>(read.what)] + read.name;
}

// What is said once there is enough; every shorter beginning either says the same or waits for more.
std::string read_at_every_split(const buffer& input) {
  const first_name whole = read_first_name(input);
  for (std::size_t size = 0; size <= input.size(); ++size) {
    const first_name early = read_first_name(bytes{input}.first(size));
    const bool is_same = early.what == whole.what && early.name == whole.name;
    if (!is_same && early.what != state::incomplete) return "after " + std::to_string(size) + " bytes " + in_words(early) + ", then " + in_words(whole);
  }
  return in_words(whole);
}

TEST(first_name, sni_of_a_client_hello) {
  const buffer other = extension(0x0a0a, {}) + extension(43, "\x02\x03\x04"_b);
  EXPECT_EQ(read_at_every_split(records(hello(other + sni("Www.Example.org") + other))), "found Www.Example.org");
  EXPECT_EQ(read_at_every_split(records(hello(sni("example.org")), 7) + "behind it"_b), "found example.org") << "spread over many records";
  EXPECT_EQ(read_at_every_split(records(hello(other))), "none");
  EXPECT_EQ(read_at_every_split(records(hello(sni("example.org") + sni("other.example")))), "none") << "which of them?";
  EXPECT_EQ(read_at_every_split(records(hello(sni("192.0.2.1")))), "none");
  EXPECT_EQ(read_at_every_split(records(hello(sni("a b")))), "none");
  EXPECT_EQ(read_at_every_split(records(hello(sni(std::string_view{"a.example\0.org", 14})))), "none");
  EXPECT_EQ(read_at_every_split(records(hello(sni("example.org", 1)))), "none");
}

TEST(first_name, what_is_no_client_hello) {
  buffer cut = hello(sni("example.org"));
  cut[3] = static_cast<std::uint8_t>(cut[3] - 1);
  EXPECT_EQ(read_at_every_split(records(cut)), "none") << "lengths that contradict each other";
  EXPECT_EQ(read_at_every_split("\x16\x02\x00\x00\x01\x01"_b), "none") << "version";
  EXPECT_EQ(read_at_every_split("\x16\x03\x01\x00\x00"_b), "none") << "an empty record";
  EXPECT_EQ(read_at_every_split("\x16\x03\x01\x00\x04\x02\x00\x00\x00"_b), "none") << "a ServerHello";
  EXPECT_EQ(read_at_every_split("\x16\x03\x01\x00\x04\x01\xff\xff\xff"_b), "none") << "16 MiB";
  EXPECT_EQ(read_at_every_split("\x17\x03\x03\x00\x01\x00"_b), "none");
}

TEST(first_name, host_of_a_request) {
  EXPECT_EQ(read_at_every_split(text("GET / HTTP/1.1\r\nAccept: */*\r\nhOST:  www.example.org:8080 \r\n\r\nbody")), "found www.example.org");
  EXPECT_EQ(read_at_every_split(text("OPTIONS * HTTP/1.0\r\nHost: a.example.\r\n\r\n")), "found a.example");
  EXPECT_EQ(read_at_every_split(text("GET / HTTP/1.1\r\nHost: a.example\r\n")), "incomplete");
  for (const char* host : {"Host: a.example\r\nHost: b.example", "Host: 192.0.2.1", "Host: [2001:db8::1]:80", "Host:", "Accept: */*", "Host : a.example"})
    EXPECT_EQ(read_at_every_split(text(std::string{"GET / HTTP/1.1\r\n"} + host + "\r\n\r\n")), "none") << host;
  EXPECT_EQ(read_at_every_split(text("GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")), "none") << "meant for a proxy";
}

TEST(first_name, other_protocols_are_told_at_once) {
  for (const char* begin : {"SSH-2.0-OpenSSH_9.2\r\n", "\x05\x01\x00", "get / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\n", "EHLO client\r\n", "GET /\nHost: a\r\n\r\n"})
    EXPECT_EQ(read_at_every_split(text(begin)), "none") << begin;
  EXPECT_EQ(in_words(read_first_name(bytes{text("SSH-")})), "none");
  EXPECT_EQ(in_words(read_first_name({})), "incomplete");
}

TEST(first_name, looks_at_no_more_than_it_says) {
  const buffer endless = text("GET / HTTP/1.1\r\nCookie: " + std::string(2 * first_bytes_max, 'c'));
  EXPECT_EQ(in_words(read_first_name(bytes{endless}.first(first_bytes_max - 1))), "incomplete");
  EXPECT_EQ(in_words(read_first_name(bytes{endless}.first(first_bytes_max))), "none");
  EXPECT_EQ(in_words(read_first_name(endless)), "none");
}

}  // namespace
}  // namespace omnilink::wire::playbook
