#include "wire/netd_messages.hpp"

#include <gtest/gtest.h>

#include <random>

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
  return out;
}

std::vector<netd_message> messages() {
  netd_install none{1, false, {}};
  netd_install many{64, true, {{at("127.0.0.1:1080"), std::nullopt, true}, {at("[::]:0"), std::nullopt, false}}};
  many.listeners.push_back({at("127.0.0.1:12345"), netd_capture{core::mechanism::redirect, everything()}, false});
  core::capture in;
  in.direction = core::capture::way::in;
  in.ports = {{9000, 9000}};
  many.listeners.push_back({at("127.0.0.1:15000"), netd_capture{core::mechanism::tproxy, in}, true});
  return {none, many, netd_withdraw{}, netd_opened{0, 0}, netd_opened{64, 64}, netd_done{},
          netd_refusal{"nft", 1, "not here; try there"}, netd_refusal{},
          netd_open_files{}, netd_file{"/etc/omnilink/omnilink.toml", 0}, netd_file{"", 13}};
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

}  // namespace
}  // namespace omnilink::wire
