#include "wire/callout_messages.hpp"

#include <gtest/gtest.h>

#include <random>

namespace omnilink::wire {
namespace {

using what = callout_answer::what;

core::endpoint at(const char* text) { return *core::endpoint::parse(text); }

std::vector<callout_offer> offers() {
  callout_offer all{true, {}};
  for (std::size_t i = 0; i < callouts_max; ++i) all.names.push_back(std::string(callout_name_max - 2, 'n') + std::to_string(10 + i));
  return {{false, {}}, {true, {"judge"}}, all};
}

std::vector<callout_question> questions() {
  callout_question bare;
  bare.callout = "judge";
  bare.at = callout_question::layer::accept;
  callout_question whole{~0ull, 4711, callout_question::layer::connect_redirect, 5000, at("127.0.0.1:40000"), at("[::1]:1080"), {"www.example.org", 443},
                         {}, std::string(callout_name_max, 'c'), "no telnet", "mixed://127.0.0.1:1080"};
  whole.program.pid = 1;
  whole.program.uid = whole.program.gid = 0;
  whole.program.process = "fifteen bytes..";
  whole.program.exe = std::string(255, 'x');
  whole.program.cgroup = "/";
  callout_question by_address = whole;
  by_address.at = callout_question::layer::connect_auth;
  by_address.destination = at("[2001:db8::1]:65535");
  return {bare, whole, by_address};
}

std::vector<callout_answer> answers() {
  std::vector<callout_answer> out;
  for (const what action : {what::none, what::go_on, what::permit, what::block, what::reject, what::direct}) out.push_back({1, action, {}, {}, 0, {}});
  out.push_back({~0ull, what::redirect, at("203.0.113.1:1").address, {}, 8080, {}});
  out.push_back({1, what::redirect, {}, "www.example.org", 0, {}});
  out.push_back({1, what::redirect, {}, {}, 65535, {}});
  out.push_back({1, what::chain, {}, {}, 0, "out"});
  return out;
}

std::vector<callout_verdict> verdicts() {
  callout_verdict early;
  early.code = core::errc::permission_denied;
  early.step = core::step::accept;
  callout_verdict late{7, 1, ~0ull, 3600'000, core::errc::internal, core::step::relay, 0, 104, 502, 3, at("10.0.0.1:1"), {"www.example.org", 443}, "out", "web",
                       "edge", std::string(callout_text_max, 't')};
  callout_verdict at_target = late;
  at_target.hop = 2;
  at_target.original = at("198.51.100.7:80");
  return {early, late, at_target};
}

template <class Check>
void each(const Check& check) {
  for (const auto& one : offers()) check(one, decode_callout_offer);
  for (const auto& one : questions()) check(one, decode_callout_question);
  for (const auto& one : answers()) check(one, decode_callout_answer);
  for (const auto& one : verdicts()) check(one, decode_callout_verdict);
}

TEST(callout_messages, come_back_as_they_were) {
  each([](const auto& message, auto decode) { EXPECT_EQ(decode(encode(message)), message); });
  EXPECT_EQ(callout_token_of(encode(answers()[6])), ~0ull);
  EXPECT_EQ(callout_token_of(encode(questions()[1])), 0u) << "no answer";
}

TEST(callout_messages, another_size_or_kind_is_no_message) {
  each([](const auto& message, auto decode) {
    const auto packet = encode(message);
    for (std::size_t size = 0; size < packet.size(); ++size) EXPECT_FALSE(decode(bytes{packet}.first(size)));
    std::vector<std::uint8_t> longer{packet.begin(), packet.end()};
    longer.push_back(0);
    EXPECT_FALSE(decode(longer));
    EXPECT_EQ(decode_callout_offer(packet).has_value() + decode_callout_question(packet).has_value() + decode_callout_answer(packet).has_value() +
                  decode_callout_verdict(packet).has_value(),
              1);
  });
}

// Whatever a byte is changed to, what is accepted is what would be sent.
TEST(callout_messages, what_is_not_what_we_would_send_is_refused) {
  std::mt19937 random{7};
  each([&](const auto& message, auto decode) {
    const auto packet = encode(message);
    for (int round = 0; round < 4; ++round) {
      for (std::size_t at = 0; at < packet.size(); ++at) {
        auto other = packet;
        other[at] = static_cast<std::uint8_t>(random());
        const auto got = decode(other);
        EXPECT_TRUE(!got || encode(*got) == other) << "byte " << at;
      }
    }
  });
}

TEST(callout_messages, an_answer_says_one_thing) {
  const auto refused = [](const callout_answer& one) { return !decode_callout_answer(encode(one)); };
  EXPECT_TRUE(refused({1, what::redirect, {}, {}, 0, {}})) << "to nowhere else";
  EXPECT_TRUE(refused({1, what::redirect, at("203.0.113.1:1").address, "www.example.org", 0, {}}));
  EXPECT_TRUE(refused({1, what::redirect, {}, "no name", 0, {}}));
  EXPECT_TRUE(refused({1, what::permit, {}, {}, 80, {}}));
  EXPECT_TRUE(refused({1, what::permit, {}, {}, 0, "out"}));
  EXPECT_TRUE(refused({1, what::chain, {}, {}, 0, {}}));
  EXPECT_TRUE(refused({1, what{8}, {}, {}, 0, {}}));
  EXPECT_FALSE(decode_callout_offer(encode(callout_offer{false, {"same", "same"}})));
  EXPECT_FALSE(decode_callout_offer(encode(callout_offer{false, {""}})));
}

}  // namespace
}  // namespace omnilink::wire
