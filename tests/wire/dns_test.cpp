#include "wire/dns.hpp"

#include <gtest/gtest.h>

#include "core/host_name.hpp"
#include "tests/wire/scenes.hpp"

namespace omnilink::wire::playbook {
namespace {

buffer header(std::uint16_t flags, std::uint8_t questions, std::uint8_t answers = 0,
              std::uint8_t authorities = 0, std::uint8_t additional = 0) {
  return {0x12,
          0x34,
          static_cast<std::uint8_t>(flags >> 8),
          static_cast<std::uint8_t>(flags),
          0,
          questions,
          0,
          answers,
          0,
          authorities,
          0,
          additional};
}

constexpr std::uint16_t recursion = 0x0100;
const buffer name =
    "\x03wWw\x07"
    "exAmple\x03org\x00"_b;
const buffer a_in = "\x00\x01\x00\x01"_b;
const buffer aaaa_in = "\x00\x1c\x00\x01"_b;
const buffer opt = "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"_b;
const buffer query_a = header(recursion, 1) + name + a_in;
const buffer query_aaaa = header(recursion, 1) + name + aaaa_in;
const core::address v4 = *core::address::parse("198.18.0.2");
const core::address v6 = *core::address::parse("fd6f:6d6e:1::2");

dns_rcode problem_of(const buffer& message) {
  const auto query = parse_dns_query(message);
  return query ? query->problem : dns_rcode::server_failure;
}

TEST(dns, reads_a_query) {
  const auto query = parse_dns_query(query_a);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->problem, dns_rcode::no_error);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_EQ(query->flags, recursion);
  EXPECT_EQ(query->name, "wWw.exAmple.org");
  EXPECT_EQ(query->qtype, dns_type_a);
  EXPECT_EQ(query->qclass, dns_class_in);
  EXPECT_FALSE(query->edns);
  EXPECT_EQ(query->question, name + a_in);
  EXPECT_EQ(parse_dns_query(header(0, 1) + "\x00"_b + a_in)->name, "");
}

TEST(dns, answers_with_the_question_as_it_was_spelled) {
  const auto query = parse_dns_query(query_a);
  EXPECT_EQ(dns_answer(*query, v4, 1),
            "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"_b + name + a_in +
                "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\xc6\x12\x00\x02"_b);
  const auto query6 = parse_dns_query(query_aaaa);
  EXPECT_EQ(
      dns_answer(*query6, v6, 0x01020304),
      "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"_b + name + aaaa_in +
          "\xc0\x0c\x00\x1c\x00\x01\x01\x02\x03\x04\x00\x10\xfd\x6f\x6d\x6e\x00\x01\0\0\0\0\0\0\0\0\0\x02"_b);
}

TEST(dns, answers_nodata_where_type_class_or_family_do_not_fit) {
  const buffer nodata = "\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00"_b;
  EXPECT_EQ(dns_answer(*parse_dns_query(query_a), v6, 1), nodata + name + a_in);
  EXPECT_EQ(dns_answer(*parse_dns_query(query_aaaa), v4, 1), nodata + name + aaaa_in);
  const buffer chaos = "\x00\x01\x00\x03"_b, mx = "\x00\x0f\x00\x01"_b;
  EXPECT_EQ(dns_answer(*parse_dns_query(header(recursion, 1) + name + chaos), v4, 1), nodata + name + chaos);
  EXPECT_EQ(dns_answer(*parse_dns_query(header(recursion, 1) + name + mx), v4, 1), nodata + name + mx);
}

TEST(dns, answers_with_a_status) {
  const auto query = parse_dns_query(query_a);
  for (const auto code :
       {dns_rcode::format_error, dns_rcode::server_failure, dns_rcode::not_implemented, dns_rcode::refused}) {
    const buffer answer = dns_status(*query, code);
    EXPECT_EQ(answer[3], 0x80 | static_cast<int>(code));
    EXPECT_EQ(answer.size(), query_a.size());
  }
}

TEST(dns, edns_is_answered_with_an_opt_record) {
  const auto query = parse_dns_query(header(recursion, 1, 0, 0, 1) + name + a_in + opt);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->problem, dns_rcode::no_error);
  EXPECT_TRUE(query->edns);
  const buffer answer = dns_answer(*query, v4, 1);
  EXPECT_EQ(answer[11], 1);
  EXPECT_EQ(buffer(answer.end() - 11, answer.end()), opt);
  // With options in it (a cookie), and beside an unknown record.
  const buffer cookie =
      "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x08"
      "12345678"_b;
  EXPECT_EQ(problem_of(header(recursion, 1, 0, 0, 1) + name + a_in + cookie), dns_rcode::no_error);
  const buffer other = name + "\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x02xy"_b;
  EXPECT_EQ(problem_of(header(recursion, 1, 0, 0, 2) + name + a_in + opt + other), dns_rcode::no_error);
  EXPECT_EQ(problem_of(header(recursion, 1, 0, 0, 2) + name + a_in + opt + opt), dns_rcode::format_error);
}

TEST(dns, what_may_not_be_answered) {
  for (std::size_t i = 0; i < 12; ++i) EXPECT_FALSE(parse_dns_query(bytes{query_a}.first(i)));
  EXPECT_FALSE(parse_dns_query(header(0x8000, 1) + name + a_in)) << "a response";
}

TEST(dns, what_is_broken_is_a_format_error) {
  for (std::size_t i = 12; i < query_a.size(); ++i) {
    EXPECT_EQ(problem_of(buffer(query_a.begin(), query_a.begin() + static_cast<std::ptrdiff_t>(i))),
              dns_rcode::format_error);
  }
  const buffer long_name = "\x3f"_b + buffer(63, 'a');
  const buffer four = long_name + long_name + long_name + long_name + "\x00"_b;                   // 257
  const buffer most = long_name + long_name + long_name + "\x3d"_b + buffer(61, 'a') + "\x00"_b;  // 255
  EXPECT_EQ(problem_of(header(0, 1) + most + a_in), dns_rcode::no_error);
  const std::vector<buffer> broken{header(0, 0),
                                   header(0, 2) + name + a_in + name + a_in,
                                   header(0, 1, 1) + name + a_in,
                                   header(0, 1, 0, 1) + name + a_in,
                                   header(0, 1, 0, 0, 5) + name + a_in + opt,
                                   header(0x0200, 1) + name + a_in,
                                   query_a + "x"_b,
                                   header(0, 1) + four + a_in,
                                   header(0, 1) + "\xc0\x0c"_b + a_in,  // a pointer to itself
                                   header(0, 1) + "\x03www\xc0\x0c"_b + a_in,
                                   header(0, 1) +
                                       "\x40"
                                       "a\x00"_b +
                                       a_in,
                                   header(0, 1) +
                                       "\x80"
                                       "a\x00"_b +
                                       a_in,
                                   query_a + buffer(dns_query_max, 0)};
  for (const buffer& message : broken)
    EXPECT_EQ(problem_of(message), dns_rcode::format_error) << text_of(message);
  EXPECT_EQ(problem_of(header(0x2800, 1) + name + a_in), dns_rcode::not_implemented) << "UPDATE";
}

TEST(dns, a_broken_query_is_answered_without_its_question) {
  const auto query = parse_dns_query(header(recursion, 1) + "\xc0\x0c"_b + a_in);
  EXPECT_EQ(dns_status(*query, query->problem), "\x12\x34\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"_b);
}

TEST(dns, C7_no_label_passes_for_what_it_is_not) {
  const auto name_of = [](const buffer& label) {
    return parse_dns_query(header(0, 1) + buffer{static_cast<std::uint8_t>(label.size())} + label + "\x00"_b +
                           a_in)
        ->name;
  };
  EXPECT_EQ(name_of("a.b"_b), "a\\046b");
  EXPECT_EQ(name_of("a\\b"_b), "a\\092b");
  EXPECT_EQ(name_of("\x00\xff \n"_b), "\\000\\255\\032\\010");
  for (int c = 0; c < 256; ++c) {
    const buffer label{'a', static_cast<std::uint8_t>(c)};
    const bool good = c < 128 && (std::isalnum(c) || c == '-' || c == '_');
    EXPECT_EQ(core::valid_host_name(name_of(label)), good) << c;
  }
}

TEST(dns, C1_messages_over_tcp_at_every_split) {
  const buffer framed = dns_framed(query_a);
  const played done = play(dns_reader{}, framed + framed);
  EXPECT_EQ(done.code, errc::ok);
  EXPECT_EQ(done.outcome, text_of(query_a));
  EXPECT_EQ(check_splits(dns_reader{}, framed + framed), "");
  EXPECT_EQ(check_truncation(dns_reader{}, framed + framed, framed.size()), "");
  EXPECT_EQ(check_noise(dns_reader{}, framed), "");
}

TEST(dns, C5_lengths_over_tcp_are_bounded) {
  EXPECT_EQ(play(dns_reader{}, "\x00\x00"_b).code, errc::bad_message);
  EXPECT_EQ(play(dns_reader{}, "\x00\x0b"_b).code, errc::bad_message);
  EXPECT_EQ(play(dns_reader{}, "\xff\xff"_b).code, errc::oversized);
  EXPECT_EQ(play(dns_reader{}, "\x04\xd1"_b).code, errc::oversized);
  EXPECT_FALSE(play(dns_reader{}, "\x04\xd0"_b).done);
}

TEST(dns, noise_is_answered_within_bounds) {
  std::mt19937_64 random{3};
  for (int round = 0; round < 50'000; ++round) {
    buffer message = header(recursion, 1, 0, 0, 1) + name + a_in + opt;
    for (std::size_t i = random() % 6; i > 0; --i)
      message[random() % message.size()] = static_cast<std::uint8_t>(random());
    message.resize(random() % 8 == 0 ? random() % message.size() : message.size());
    const auto query = parse_dns_query(message);
    if (!query) continue;
    EXPECT_LE(query->name.size(), 4 * 255u);
    const buffer answer = query->problem == dns_rcode::no_error ? dns_answer(*query, v4, 1)
                                                                : dns_status(*query, query->problem);
    EXPECT_GE(answer.size(), 12u);
    EXPECT_LE(answer.size(), 512u);
    EXPECT_FALSE(parse_dns_query(answer)) << "an answer is a response";
  }
}

}  // namespace
}  // namespace omnilink::wire::playbook
