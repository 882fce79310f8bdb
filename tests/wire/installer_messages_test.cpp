#include "wire/installer_messages.hpp"

#include <gtest/gtest.h>

#include <random>

namespace omnilink::wire {
namespace {

const install_request longest_request{max_installer_workers,
                                      std::vector<std::uint16_t>(max_installer_ports, 65535)};
const install_refusal longest_refusal{std::string(max_refusal_step, 's'), 65535,
                                      std::string(max_refusal_message, 'm')};

std::vector<installer_message> messages() {
  return {install_request{1, {}},
          install_request{7, {3000, 5432}},
          longest_request,
          install_reply{1, 0},
          install_reply{max_installer_workers, ~0ull},
          install_refusal{"unshare", 1, "not here; try there"},
          install_refusal{},
          longest_refusal,
          install_go{}};
}

TEST(installer_messages, come_back_as_they_were) {
  for (const auto& message : messages()) EXPECT_EQ(decode_installer_message(encode(message)), message);
}

TEST(installer_messages, another_size_is_no_message) {
  for (const auto& message : messages()) {
    const auto packet = encode(message);
    for (std::size_t size = 0; size < packet.size(); ++size) {
      EXPECT_FALSE(decode_installer_message(bytes{packet}.first(size)));
    }
    std::vector<std::uint8_t> longer(packet.begin(), packet.end());
    longer.push_back(0);
    EXPECT_FALSE(decode_installer_message(longer));
  }
}

TEST(installer_messages, what_is_not_what_we_would_send_is_refused) {
  std::mt19937 random{7};
  for (const auto& message : messages()) {
    const auto packet = encode(message);
    for (std::size_t at = 0; at < packet.size(); ++at) {
      auto other = packet;
      other[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
      const auto decoded = decode_installer_message(other);
      EXPECT_TRUE(!decoded || encode(*decoded) == other) << "byte " << at;
    }
  }
}

TEST(installer_messages, noise_is_no_message) {
  std::mt19937 random{11};
  installer_packet noise;
  for (int i = 0; i < 10000; ++i) {
    for (auto& b : noise) b = static_cast<std::uint8_t>(random());
    EXPECT_FALSE(decode_installer_message(noise));
  }
}

TEST(installer_messages, fields_beyond_their_limits_are_refused) {
  for (const install_request& bad : {install_request{0, {}}, install_request{max_installer_workers + 1, {}},
                                     install_request{1, {0}}, install_request{1, {80, 53}}}) {
    EXPECT_FALSE(is_valid(bad));
    EXPECT_FALSE(decode_installer_message(encode(bad)));
  }
  EXPECT_FALSE(is_valid({1, std::vector<std::uint16_t>(max_installer_ports + 1, 80)}));
  EXPECT_TRUE(is_valid(longest_request));
  EXPECT_FALSE(decode_installer_message(encode(install_reply{0, 1})));
  EXPECT_FALSE(decode_installer_message(encode(install_reply{max_installer_workers + 1, 1})));
}

TEST(installer_messages, text_is_cut_and_cleaned) {
  const auto decoded = decode_installer_message(
      encode(install_refusal{std::string(1000, 's'), 1, "\x1b[31mred\n" + std::string(1000, 'm')}));
  ASSERT_TRUE(decoded);
  const auto& refusal = std::get<install_refusal>(*decoded);
  EXPECT_EQ(refusal.step, std::string(max_refusal_step, 's'));
  EXPECT_EQ(refusal.message.substr(0, 10), "?[31mred?m");
  EXPECT_EQ(refusal.message.size(), max_refusal_message);
}

TEST(installer_messages, control_bytes_in_text_are_refused) {
  auto packet = encode(install_refusal{"step", 1, "message"});
  for (auto& b : packet) {
    if (b == 'g') b = '\n';
  }
  EXPECT_FALSE(decode_installer_message(packet));
}

}  // namespace
}  // namespace omnilink::wire
