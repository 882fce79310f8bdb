#include "wire/netd_messages.hpp"

#include <gtest/gtest.h>

#include <random>

#include "wire/process_messages.hpp"

namespace omnilink::wire {
namespace {

core::endpoint at(const char* text) { return *core::endpoint::parse(text); }

core::capture everything() {
  core::capture out;
  out.direction = core::capture::way::out;
  out.ports = {{80, 80}, {8000, 8100}, {65535, 65535}};
  out.networks = {*core::cidr::parse("0.0.0.0/0"), *core::cidr::parse("2001:db8::/32"), *core::cidr::parse("203.0.113.7")};
  out.uids = {0, 1000, 4294967294};
  out.gids = {33};
  out.interfaces = {"eth0", "wlan0.12"};
  out.sources = {*core::cidr::parse("198.51.100.0/24")};
  out.marks = {{0x10, 0xf0}};
  out.cgroup = "/user.slice";
  return out;
}

core::capture by_program() {
  core::capture out;
  out.executables = {"/usr/bin/curl"};
  out.processes = {"curl", "fifteen bytes.."};
  out.pids = {1, 4194304};
  out.cgroup = "app.slice";
  out.rewrites = {{80, 8080}, {1, 65535}};
  return out;
}

std::vector<netd_message> messages() {
  netd_install none{1, false, {}};
  netd_install many{64, true, {{at("127.0.0.1:1080"), std::nullopt, true}, {at("[::]:0"), std::nullopt, false}}};
  many.listeners.push_back({at("127.0.0.1:12345"), netd_capture{core::mechanism::redirect, everything()}, false});
  core::capture in;
  in.direction = core::capture::way::in;
  in.ports = {{9000, 9000}};
  many.listeners.push_back({at("127.0.0.1:15000"), netd_capture{core::mechanism::tproxy, in}, true, true, true});
  many.listeners.push_back({at("127.0.0.1:12346"), netd_capture{core::mechanism::cgroup, by_program()}, true});
  many.listeners.push_back({at("127.0.0.1:12347"), netd_capture{core::mechanism::sk_lookup, in}, true});
  return {none, many, netd_withdraw{}, netd_opened{0, 0}, netd_opened{64, 64}, netd_opened{1, 1, true}, netd_done{},
          netd_refusal{"nft", 1, "not here; try there"}, netd_refusal{},
          netd_open_files{}, netd_file{"/etc/omnilink/omnilink.toml", 0}, netd_file{"", 13},
          netd_answer_processes{}, netd_lend_sockets{}};
}

TEST(netd_messages, come_back_as_they_were) {
  for (const auto& message : messages()) {
    const auto packet = encode(message);
    ASSERT_FALSE(packet.empty());
    EXPECT_EQ(decode_netd_message(packet), message);
  }
}

TEST(netd_messages, another_size_is_no_message) {
  for (const auto& message : messages()) {
    auto packet = encode(message);
    for (std::size_t size = 0; size < packet.size(); ++size) EXPECT_FALSE(decode_netd_message(bytes{packet}.first(size)));
    packet.push_back(0);
    EXPECT_FALSE(decode_netd_message(packet));
  }
}

TEST(netd_messages, what_is_not_what_we_would_send_is_refused) {
  std::mt19937 random{7};
  for (const auto& message : messages()) {
    const auto packet = encode(message);
    for (int round = 0; round < 20; ++round) {
      for (std::size_t at = 0; at < packet.size(); ++at) {
        auto other = packet;
        other[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
        const auto decoded = decode_netd_message(other);
        EXPECT_TRUE(!decoded || encode(*decoded) == other) << "byte " << at;
      }
    }
  }
}

TEST(netd_messages, what_is_beyond_its_limits_is_not_sent) {
  EXPECT_TRUE(encode(netd_install{0, true, {}}).empty());
  EXPECT_TRUE(encode(netd_install{65, true, {}}).empty());
  EXPECT_TRUE(encode(netd_opened{65, 0}).empty());
  EXPECT_TRUE(encode(netd_install{1, true, {{at("127.0.0.1:1"), netd_capture{core::mechanism::redirect, everything()}, true, false, true}}}).empty());
  netd_install all{1, true, {}};
  all.listeners.resize(netd_listeners_max + 1, {at("127.0.0.1:1"), std::nullopt, true});
  EXPECT_TRUE(encode(all).empty());
  core::capture none;
  EXPECT_TRUE(encode(netd_install{1, true, {{at("127.0.0.1:1"), netd_capture{core::mechanism::redirect, none}, true}}}).empty()) << "a capture without a condition";
  auto longest = everything();
  longest.networks.assign(core::capture_values_max, *core::cidr::parse("2001:db8::/32"));
  all.listeners.assign(netd_listeners_max, {at("127.0.0.1:1"), netd_capture{core::mechanism::redirect, longest}, true});
  EXPECT_TRUE(encode(all).empty()) << "longer than a packet";
}

TEST(netd_messages, text_is_one_clean_line) {
  const auto back = decode_netd_message(encode(netd_refusal{"a\nb", 1, std::string(2000, '\x1b')}));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<netd_refusal>(*back).step, "a?b");
  EXPECT_EQ(std::get<netd_refusal>(*back).message, std::string(netd_text_max, '?'));
}

std::vector<process_answer> process_answers() {
  core::program known;
  known.pid = 2147483647;
  known.gid = 0;
  known.exe = std::string(process_path_max, 'x');
  known.process = std::string(process_name_max, 'p');
  known.cgroup = "/";
  core::program little;
  little.pid = 1;
  return {{1, known}, {~0ull, little}, {0, std::nullopt}};
}

TEST(process_messages, come_back_as_they_were) {
  using kind = process_question::kind;
  for (const process_question& q : {process_question{kind::socket, ~0ull, 7}, process_question{kind::pid, 1, 0}})
    EXPECT_EQ(decode_process_question(encode(q)), q);
  for (const process_answer& a : process_answers()) EXPECT_EQ(decode_process_answer(encode(a)), a);
}

TEST(process_messages, what_has_no_room_or_is_no_text_is_unknown) {
  core::program odd;
  odd.pid = 1;
  odd.exe = std::string(process_path_max + 1, 'x');
  odd.process = "a\nb";
  const auto back = decode_process_answer(encode(process_answer{0, odd}));
  ASSERT_TRUE(back && back->found);
  EXPECT_EQ(back->found->exe + back->found->process, "");
}

// Whatever a byte is changed to, what is accepted is what would be sent.
TEST(process_messages, accept_only_what_is_sent) {
  std::mt19937 random{7};
  const auto mutate = [&](auto packet, auto decode) {
    for (std::size_t i = 0; i < packet.size(); ++i) {
      auto changed = packet;
      changed[i] = static_cast<std::uint8_t>(random());
      const auto got = decode(changed);
      EXPECT_TRUE(!got || encode(*got) == changed) << "byte " << i;
    }
    for (std::size_t size = 0; size < packet.size(); ++size) EXPECT_FALSE(decode(bytes{packet}.first(size)));
  };
  mutate(encode(process_question{process_question::kind::pid, 4711, 1}), [](bytes b) { return decode_process_question(b); });
  for (const process_answer& a : process_answers()) mutate(encode(a), [](bytes b) { return decode_process_answer(b); });
}

}  // namespace
}  // namespace omnilink::wire
