#include "wire/nat_query.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

using buffer = std::vector<std::uint8_t>;

core::endpoint at(const char* text) {
  return *core::endpoint::parse(text);
}

std::vector<nat_question> questions() {
  using kind = nat_question::kind;
  nat_question source{kind::source, core::protocol::tcp, 7, 0, at("192.0.2.1:4000"), {}, 0};
  nat_question flow{kind::flow, core::protocol::udp, ~0ull, 99, at("[2001:db8::1]:4000"), at("[::1]:1080"), 0};
  nat_question port{kind::source_port, core::protocol::tcp, 0, 0, {{}, 4000}, {}, 0};
  nat_question descriptor{kind::descriptor, core::protocol::tcp, 1, 0, {}, {}, 0};
  nat_question erase_source{kind::erase, core::protocol::tcp, 3, 0, at("192.0.2.1:4000"), {}, 12};
  nat_question erase_flow{kind::erase, core::protocol::tcp, 3, 99, at("192.0.2.1:4000"), at("127.0.0.1:1080"), 0};
  nat_question stats{kind::stats, core::protocol::tcp, 4, 0, {}, {}, 0};
  nat_question subscribe{kind::subscribe, core::protocol::tcp, 5, 0, {}, {}, 0};
  return {source, flow, port, descriptor, erase_source, erase_flow, stats, subscribe};
}

std::vector<nat_answer> answers() {
  using status = nat_answer::status;
  nat_answer live;
  live.what = status::live;
  live.token = 7;
  live.matches = 1;
  live.connection = 42;
  live.generation = 3;
  live.age_ms = 1500;
  live.uid = 1000;
  live.source = at("192.0.2.1:4000");
  live.local = at("127.0.0.1:1080");
  live.dialled = at("198.18.0.2:443");
  live.original = core::target{"example.org", 443};
  live.chain = "out";
  live.pid = 4711;
  live.gid = 0;
  live.process = "Web Content";
  live.exe = "/usr/bin/" + std::string(nat_path_max - 9, 'x');
  live.cgroup = "/user.slice/user-1000.slice";
  nat_answer closed = live;
  closed.exe.clear();
  closed.what = status::closed;
  closed.closed_ms = 20;
  closed.original = core::target{at("[2001:db8::2]:80")};
  closed.chain = std::string(nat_chain_name_max, 'c');
  nat_answer longest = live;
  longest.original.name = std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') +
                          "." + std::string(61, 'a') + ".";
  longest.chain.clear();
  nat_answer ambiguous;
  ambiguous.what = status::ambiguous;
  ambiguous.matches = 2;
  nat_answer miss;
  miss.token = 8;
  nat_answer error;
  error.what = status::error;
  error.error = nat_error::busy;
  nat_answer other = live;
  other.carrier = nat_carrier::other;
  other.protocol = core::protocol::udp;
  other.remaining_ms = 600'000;
  other.netns = 99;
  other.cookie = 1234;
  other.rule = "web, \"no telnet\"";
  nat_answer opened = live, ended = other;
  opened.what = status::opened;
  ended.what = status::ended;
  nat_answer stats;
  stats.what = status::stats;
  stats.counters = {1, 2, 3, 4, 5, 6, 7, 8, ~0ull};
  nat_answer erased, subscribed, lost;
  erased.what = status::erased;
  erased.matches = 2;
  subscribed.what = status::subscribed;
  lost.what = status::lost;
  lost.matches = 70'000;
  nat_answer carried = error;
  carried.error = nat_error::full;
  return {live, closed, longest, ambiguous, miss, error, other, opened, ended, stats, erased, subscribed, lost, carried};
}

nat_announcement announced() {
  nat_announcement out;
  static_cast<nat_flow&>(out) = answers()[6];
  out.token = 11;
  out.connection = out.generation = out.age_ms = out.remaining_ms = 0;
  return out;
}

TEST(nat_query, offsets_of_the_question) {
  const auto out = encode(questions()[0]);
  buffer expected{0, 2, 0, 80, 1, 6, 0, 0, 0, 0, 0,    0,    0,   0, 0, 7,
                  0, 0, 0, 0,  0, 0, 0, 0, 4, 0, 0x0f, 0xa0, 192, 0, 2, 1};
  expected.resize(80);
  EXPECT_EQ(buffer(out.begin(), out.end()), expected);
}

TEST(nat_query, offsets_of_the_answer) {
  const auto out = encode(answers()[0]);
  const auto number = [&](std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | out[at + i];
    return value;
  };
  EXPECT_EQ(number(0, 2), 2u);
  EXPECT_EQ(number(2, 2), 1280u);
  EXPECT_EQ(number(4, 1), 1u);
  EXPECT_EQ(number(6, 2), 0x0106u);
  EXPECT_EQ(number(8, 8), 7u);
  EXPECT_EQ(number(16, 8), 42u);
  EXPECT_EQ(number(24, 8), 3u);
  EXPECT_EQ(number(32, 8), 1500u);
  EXPECT_EQ(number(48, 4), 1000u);
  EXPECT_EQ(number(52, 4), 1u);
  EXPECT_EQ(number(56, 8), 0x04000fa0'c0000201u);
  EXPECT_EQ(number(76, 8), 0x04000438'7f000001u);
  EXPECT_EQ(number(96, 8), 0x040001bb'c6120002u);
  EXPECT_EQ(number(116, 8), 0x000001bb'00000000u);
  EXPECT_EQ(number(136, 2), 0x0b03u);
  EXPECT_EQ(std::string(out.begin() + 144, out.begin() + 156), std::string("example.org\0", 12));
  EXPECT_EQ(std::string(out.begin() + 400, out.begin() + 404), std::string("out\0", 4));
}

TEST(nat_query, offsets_of_what_another_program_carries_and_of_the_counters) {
  const auto flow = encode(announced());
  EXPECT_EQ(flow[4], 12);
  EXPECT_EQ(flow[6], 2);
  EXPECT_EQ(flow[7], 17);
  EXPECT_EQ(byte_reader{bytes{encode(answers()[6])}.subspan(1000)}.u64(), 600'000u);
  EXPECT_EQ(byte_reader{bytes{flow}.subspan(1008)}.u64(), 99u);
  EXPECT_EQ(byte_reader{bytes{flow}.subspan(1016)}.u64(), 1234u);
  EXPECT_EQ(std::string(flow.begin() + 1024, flow.begin() + 1028), "web,");
  const auto counted = encode(answers()[9]);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(byte_reader{bytes{counted}.subspan(16 + 8 * i)}.u64(), i + 1);
  const auto erase = encode(questions()[4]);
  EXPECT_EQ(erase[71], 12);
}

TEST(nat_query, what_is_encoded_is_decoded) {
  for (const nat_question& q : questions()) {
    const auto back = decode_nat_question(encode(q));
    ASSERT_TRUE(back) << static_cast<int>(q.what);
    EXPECT_EQ(*back, q);
  }
  for (const nat_answer& a : answers()) {
    const auto back = decode_nat_answer(encode(a));
    ASSERT_TRUE(back) << static_cast<int>(a.what);
    EXPECT_EQ(*back, a);
    EXPECT_FALSE(decode_nat_announcement(encode(a)));
  }
  const auto back = decode_nat_announcement(encode(announced()));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, announced());
  EXPECT_FALSE(decode_nat_answer(encode(announced())));
}

TEST(nat_query, what_does_not_belong_to_the_kind_is_left_out) {
  nat_answer miss = answers()[0];
  miss.what = nat_answer::status::miss;
  const auto back = decode_nat_answer(encode(miss));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->connection, 0u);
  EXPECT_EQ(back->original, core::target{});
  EXPECT_EQ(back->chain, "");
  nat_question descriptor = questions()[1];
  descriptor.what = nat_question::kind::descriptor;
  EXPECT_EQ(decode_nat_question(encode(descriptor))->source, core::endpoint{});
}

TEST(nat_query, every_other_size_is_refused) {
  const auto question = encode(questions()[0]);
  const auto answer = encode(answers()[0]);
  for (std::size_t i = 0; i < question.size(); ++i) {
    EXPECT_EQ(decode_nat_question(bytes{question}.first(i)).error(), nat_error::bad_size);
  }
  for (std::size_t i = 0; i < answer.size(); ++i) {
    EXPECT_EQ(decode_nat_answer(bytes{answer}.first(i)).error(), nat_error::bad_size);
  }
  buffer longer{question.begin(), question.end()};
  longer.push_back(0);
  EXPECT_EQ(decode_nat_question(longer).error(), nat_error::bad_size);
  auto lying = question;
  lying[3] = 81;
  EXPECT_EQ(decode_nat_question(lying).error(), nat_error::bad_size);
}

TEST(nat_query, another_version_is_told_from_another_size) {
  buffer next{0, 3, 0, 4};
  EXPECT_EQ(decode_nat_question(next).error(), nat_error::bad_version);
  EXPECT_EQ(decode_nat_answer(next).error(), nat_error::bad_version);
  EXPECT_EQ(nat_token_of(next), 0u);
  auto question = encode(questions()[0]);
  question[1] = 9;
  EXPECT_EQ(decode_nat_question(question).error(), nat_error::bad_version);
  EXPECT_EQ(nat_token_of(question), 7u);
}

TEST(nat_query, illegal_fields_are_refused) {
  const auto bad_question = [](std::size_t which, std::size_t at, std::uint8_t value) {
    auto message = encode(questions()[which]);
    message[at] = value;
    const auto back = decode_nat_question(message);
    return !back && back.error() == nat_error::bad_message;
  };
  EXPECT_TRUE(bad_question(0, 4, 0));
  EXPECT_TRUE(bad_question(0, 4, 8));
  EXPECT_TRUE(bad_question(0, 5, 1));   // ICMP
  EXPECT_TRUE(bad_question(0, 6, 1));   // must be zero
  EXPECT_TRUE(bad_question(0, 23, 1));  // a namespace, not by flow
  EXPECT_TRUE(bad_question(0, 24, 5));  // family
  EXPECT_TRUE(bad_question(0, 24, 0));
  EXPECT_TRUE(bad_question(0, 25, 1));
  EXPECT_TRUE(bad_question(0, 32, 1));  // behind an IPv4 address
  EXPECT_TRUE(bad_question(0, 44, 4));  // a local endpoint, not by flow
  EXPECT_TRUE(bad_question(0, 79, 1));
  EXPECT_TRUE(bad_question(2, 24, 4));  // an address, by port alone
  EXPECT_TRUE(bad_question(3, 27, 1));  // a port, by descriptor
  EXPECT_TRUE(bad_question(0, 71, 1));  // a generation, not of erase
  EXPECT_TRUE(bad_question(4, 23, 1));  // a namespace, but no local endpoint
  EXPECT_TRUE(bad_question(5, 44, 0));
  EXPECT_TRUE(bad_question(6, 27, 1));  // a port, of stats
  nat_question no_port = questions()[0];
  no_port.source.port = 0;
  EXPECT_FALSE(decode_nat_question(encode(no_port)));

  const auto bad_answer = [](std::size_t which, std::size_t at, std::uint8_t value) {
    auto message = encode(answers()[which]);
    message[at] = value;
    const auto back = decode_nat_answer(message);
    return !back && back.error() == nat_error::bad_message;
  };
  EXPECT_TRUE(bad_answer(0, 4, 0));
  EXPECT_TRUE(bad_answer(0, 4, 6));  // a flow with the status of none
  EXPECT_TRUE(bad_answer(0, 4, 12));
  EXPECT_TRUE(bad_answer(0, 4, 13));
  EXPECT_TRUE(bad_answer(0, 6, 0));
  EXPECT_TRUE(bad_answer(0, 6, 3));
  EXPECT_TRUE(bad_answer(0, 7, 1));  // ICMP
  EXPECT_TRUE(bad_answer(3, 6, 1));  // a carrier of no flow
  EXPECT_TRUE(bad_answer(0, 5, 1));  // an error in a live answer
  EXPECT_TRUE(bad_answer(5, 5, 0));  // an error without one
  EXPECT_TRUE(bad_answer(5, 5, 9));
  EXPECT_TRUE(bad_answer(0, 47, 1));    // the end of a live flow
  EXPECT_TRUE(bad_answer(0, 55, 2));    // two matches
  EXPECT_TRUE(bad_answer(3, 55, 1));    // one, and ambiguous
  EXPECT_TRUE(bad_answer(4, 55, 1));    // one, and a miss
  EXPECT_TRUE(bad_answer(0, 116, 4));   // a name and an address
  EXPECT_TRUE(bad_answer(0, 136, 12));  // a NUL in the name
  EXPECT_TRUE(bad_answer(0, 136, 10));  // a byte behind the name
  EXPECT_TRUE(bad_answer(0, 136, 255));
  EXPECT_TRUE(bad_answer(0, 136, 0));
  EXPECT_TRUE(bad_answer(0, 137, 64));
  EXPECT_TRUE(bad_answer(0, 137, 255));
  EXPECT_TRUE(bad_answer(0, 138, 1));
  EXPECT_TRUE(bad_answer(0, 144, '\n'));
  EXPECT_TRUE(bad_answer(0, 144, ' '));
  EXPECT_TRUE(bad_answer(0, 400, '\x1b'));
  EXPECT_TRUE(bad_answer(0, 463, 'x'));
  EXPECT_TRUE(bad_answer(0, 1007, 1));  // a live flow of omnilink's has no TTL
  EXPECT_TRUE(bad_answer(0, 1279, 'x'));
  EXPECT_TRUE(bad_answer(9, 88, 1));    // behind the counters
  EXPECT_TRUE(bad_answer(10, 55, 0));   // nothing erased
  EXPECT_TRUE(bad_answer(11, 55, 1));   // a number of subscriptions
  EXPECT_TRUE(bad_answer(4, 23, 1));  // a miss tells nothing

  const auto bad_announcement = [](std::size_t at, std::uint8_t value) {
    auto message = encode(announced());
    message[at] = value;
    const auto back = decode_nat_announcement(message);
    return !back && back.error() == nat_error::bad_message;
  };
  EXPECT_TRUE(bad_announcement(4, 1));
  EXPECT_TRUE(bad_announcement(5, 1));
  EXPECT_TRUE(bad_announcement(6, 1));   // who announces carries
  EXPECT_TRUE(bad_announcement(7, 0));
  EXPECT_TRUE(bad_announcement(23, 1));  // it has no connection of omnilink's,
  EXPECT_TRUE(bad_announcement(31, 1));  // no generation yet,
  EXPECT_TRUE(bad_announcement(39, 1));  // no age
  EXPECT_TRUE(bad_announcement(47, 1));  // and no end
  EXPECT_TRUE(bad_announcement(55, 1));
  EXPECT_TRUE(bad_announcement(1007, 1));  // the TTL is the service's
  for (const auto port : {&nat_flow::source, &nat_flow::local}) {
    nat_announcement without = announced();
    (without.*port).port = 0;
    EXPECT_FALSE(decode_nat_announcement(encode(without)));
  }
}

// Whatever a decoder accepts is exactly what its encoder would have sent.
TEST(nat_query, noise) {
  std::mt19937_64 random{5};
  const auto all_questions = questions();
  const auto all_answers = answers();
  int accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    auto question = encode(all_questions[random() % all_questions.size()]);
    auto answer = encode(all_answers[random() % all_answers.size()]);
    auto announcement = encode(announced());
    for (std::size_t i = 1 + random() % 2; i > 0; --i) {
      announcement[random() % announcement.size()] = static_cast<std::uint8_t>(random());
      question[random() % question.size()] = static_cast<std::uint8_t>(random());
      answer[random() % answer.size()] = static_cast<std::uint8_t>(random());
    }
    if (const auto back = decode_nat_question(question)) {
      EXPECT_EQ(encode(*back), question);
      ++accepted;
    }
    if (const auto back = decode_nat_answer(answer)) {
      EXPECT_EQ(encode(*back), answer);
      ++accepted;
    }
    if (const auto back = decode_nat_announcement(announcement)) {
      EXPECT_EQ(encode(*back), announcement);
      ++accepted;
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace omnilink::wire
