// The library's half of the conversation about callouts, with a service that does as the test says.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>
#include <vector>

#include "capi/judge.hpp"
#include "capi/omnilink.h"
#include "io/unix_socket.hpp"

namespace omnilink::test {
namespace {

/// Without a service: the test at the other end of the socket.
class judge_alone : public testing::Test {
 protected:
  judge_alone() {
    int both[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both), 0);
    service = io::descriptor{both[0]};
    it.serve(io::descriptor{both[1]});
    it.add("judge", call_back, &code);
    it.on_verdict([](void* user, const omnilink_verdict* verdict) { static_cast<judge_alone*>(user)->verdicts.push_back(verdict->connection); }, this);
  }
  void send(wire::bytes packet) { EXPECT_EQ(io::send_message(service.get(), packet), core::errc::ok); }
  void ask(std::uint64_t token) {
    wire::callout_question out;
    out.token = token;
    out.limit_ms = 60'000;
    out.source = out.local = {core::address::v4(0x7f000001), 1};
    out.callout = "judge";
    out.filter = "ask";
    send(wire::encode(out));
  }
  void tell_end_of(std::uint64_t connection) {
    wire::callout_verdict out;
    out.connection = connection;
    out.source = {core::address::v4(0x7f000001), 1};
    send(wire::encode(out));
  }
  int tell() {
    const auto no = it.tell(it.channel());
    return no ? no->code : int{OMNILINK_OK};
  }

  io::descriptor service;
  capi::judge it;
  int asked = 0;
  decides code = [this](const omnilink_question&, omnilink_answer& answer) {
    ++asked;
    answer.action = OMNILINK_PERMIT;
  };
  std::vector<std::uint64_t> verdicts;
};

// The kernel says first, and once, that an answer was not read.
TEST_F(judge_alone, the_last_verdicts_of_a_service_are_told) {
  ask(1);
  EXPECT_EQ(tell(), OMNILINK_OK);
  tell_end_of(7);
  tell_end_of(8);
  service.reset();
  EXPECT_EQ(tell(), OMNILINK_E_SHUTTING_DOWN);
  EXPECT_EQ(verdicts, (std::vector<std::uint64_t>{7, 8}));
  EXPECT_FALSE(it.channel());
}

TEST_F(judge_alone, what_waits_behind_a_question_of_a_service_that_has_ended_is_told_too) {
  ask(1);
  tell_end_of(7);
  service.reset();
  EXPECT_EQ(tell(), OMNILINK_E_SHUTTING_DOWN);
  EXPECT_EQ(verdicts, (std::vector<std::uint64_t>{7}));
  EXPECT_FALSE(it.channel());
}

TEST_F(judge_alone, a_packet_of_no_known_size_is_passed_over) {
  send(std::vector<std::uint8_t>(5000, 1));
  send(std::vector<std::uint8_t>(5, 1));
  tell_end_of(7);
  EXPECT_EQ(tell(), OMNILINK_OK);
  EXPECT_EQ(verdicts, (std::vector<std::uint64_t>{7}));
}

TEST_F(judge_alone, a_service_that_takes_no_answers_is_waited_for_once_a_call) {
  const std::array<std::uint8_t, 1000> filler{};
  while (io::send_message(it.channel()->get(), filler) == core::errc::ok) {
  }
  for (std::uint64_t token = 1; token <= 3; ++token) ask(token);
  EXPECT_EQ(tell(), OMNILINK_E_TIMED_OUT);
  EXPECT_EQ(asked, 1);
}

TEST_F(judge_alone, so_many_may_pend_and_no_more) {
  code = [this](const omnilink_question&, omnilink_answer& answer) {
    ++asked;
    answer.action = OMNILINK_PEND;
  };
  for (std::uint64_t token = 1; token <= 4097; ++token) {
    ask(token);
    ASSERT_EQ(tell(), OMNILINK_OK);
  }
  EXPECT_EQ(asked, 4096);
  std::array<std::uint8_t, wire::callout_answer_size> packet;
  ASSERT_EQ(io::receive_message(service.get(), packet).code, core::errc::ok);
  EXPECT_EQ(wire::decode_callout_answer(packet)->action, wire::callout_answer::what::none);
  auto said = answer_of(OMNILINK_PERMIT);
  EXPECT_FALSE(it.complete(1, said));
  code = [](const omnilink_question&, omnilink_answer& answer) {
    answer.action = OMNILINK_PERMIT;
    answer.reserved = 1;
  };
  ask(5000);
  EXPECT_EQ(tell(), OMNILINK_E_ARGUMENT) << "it sets what is not known";
}

}  // namespace
}  // namespace omnilink::test
