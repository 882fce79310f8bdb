// Callouts of this process, asked by a private `omnilink run` about real connections.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "capi/omnilink.h"
#include "tests/actors/echo_server.hpp"
#include "tests/actors/socket_client.hpp"
#include "tests/capi/rig.hpp"

namespace omnilink::test {
namespace {

constexpr const char* service_config = R"(version = 1
[service]
workers = 2
max_connections = 2000
[log]
access = false
[query]
socket = ""
[admin]
socket = ""
[[listen]]
url = "mixed://127.0.0.1:0"
)";
constexpr const char* judged = R"([[callout]]
name = "judge"
kind = "library"
timeout = "60s"
[[rule]]
name = "ask"
action = "callout:judge"
[[rule]]
name = "rest"
action = "direct"
)";

using decides = std::function<void(const omnilink_question&, omnilink_answer&)>;

void call_back(void* user, const omnilink_question* question, omnilink_answer* answer) { (*static_cast<decides*>(user))(*question, *answer); }

omnilink_answer answer_of(omnilink_action what) {
  omnilink_answer out{};
  out.size = sizeof out;
  out.action = what;
  return out;
}

// REP of RFC 1928; -1: none.
int reply(const core::endpoint& listener, const core::target& to) { return socks5_connect(connect_tcp(listener).get(), to); }

class callouts : public testing::Test {
 protected:
  callouts() {
    const omnilink_options none{sizeof none, 0, ""};
    EXPECT_EQ(omnilink_open(&none, &it), OMNILINK_OK);
    EXPECT_EQ(omnilink_on_verdict(it, hear, this), OMNILINK_OK);
  }
  ~callouts() override {
    end();
    omnilink_close(it);
  }

  void add(const char* name, decides does) {
    codes.push_back(std::move(does));
    ASSERT_EQ(omnilink_callout_add(it, name, call_back, &codes.back()), OMNILINK_OK) << last_error();
  }

  int start_only(const std::string& config) {
    const std::string text = service_config + config;
    const omnilink_service_options options{sizeof options, 60000, text.c_str(), PROGRAM};
    return omnilink_service_start(it, &options);
  }

  /// And a thread that dispatches.
  void start(const std::string& config) {
    ASSERT_EQ(start_only(config), OMNILINK_OK) << last_error();
    listener = address();
    dispatcher = std::thread{[this] {
      while (!done) omnilink_dispatch(it, 20);
    }};
  }

  void end() {
    done = true;
    if (dispatcher.joinable()) dispatcher.join();
  }

  core::endpoint address() const {
    std::array<char, 64> text{};
    omnilink_service_address(it, 0, text.data(), text.size());
    return core::endpoint::parse(text.data()).value_or(core::endpoint{});
  }

  std::string last_error() const {
    std::array<char, 512> text{};
    omnilink_last_error(it, text.data(), text.size());
    return text.data();
  }

  static void hear(void* user, const omnilink_verdict* verdict) {
    auto& self = *static_cast<callouts*>(user);
    const std::lock_guard lock{self.mutex};
    self.verdicts.push_back(*verdict);
    self.changed.notify_all();
  }
  omnilink_verdict verdict(std::size_t index) {
    std::unique_lock lock{mutex};
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds{60}, [&] { return verdicts.size() > index; }));
    return index < verdicts.size() ? verdicts[index] : omnilink_verdict{};
  }

  omnilink_handle* it = nullptr;
  std::deque<decides> codes;  // each stays where it is
  core::endpoint listener;
  std::thread dispatcher;
  std::atomic<bool> done{false};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<omnilink_verdict> verdicts;
  echo_server origin;
};

TEST_F(callouts, decide_about_connections_and_hear_how_they_end) {
  echo_server other;
  std::vector<omnilink_question> asked;
  const auto judge = [&](const omnilink_question& question, omnilink_answer& answer) {
    EXPECT_EQ(question.size, sizeof question);
    EXPECT_EQ(answer.size, sizeof answer);
    EXPECT_EQ(answer.action, unsigned{OMNILINK_NO_ANSWER});
    const std::lock_guard lock{mutex};
    asked.push_back(question);
    answer.action = question.port == 1 ? OMNILINK_REJECT : question.port == 2 ? OMNILINK_TO : OMNILINK_CONTINUE;
    if (question.port == 2) {
      std::snprintf(answer.host, sizeof answer.host, "127.0.0.1");
      answer.port = other.address().port;
    }
    if (question.port == 3) answer = {sizeof answer, OMNILINK_CHAIN, 0, 0, {}, "no such chain"};
    if (question.port == 4) answer.action = 77;
  };
  add("judge", judge);
  start(std::string{"[[callout]]\nname = \"judge\"\nkind = \"library\"\n"
                    "[[filter]]\nname = \"where\"\nlayer = [\"connect_redirect_v4\"]\nmatch = { remote_port = 2 }\naction = \"callout:judge\"\n"} +
        "[[rule]]\nname = \"ask\"\nmatch = { port = [1, 3, 4, " + std::to_string(origin.address().port) + "] }\naction = \"callout:judge\"\n[[rule]]\nname = \"rest\"\naction = \"direct\"\n");
  const auto client = connect_tcp(listener);
  ASSERT_EQ(socks5_connect(client.get(), core::target{origin.address()}), 0);
  ASSERT_TRUE(echoes(client.get(), "let through\n"));
  EXPECT_EQ(reply(listener, {"www.example.org", 1}), 2);
  EXPECT_EQ(reply(listener, {"www.example.org", 2}), 0) << "another destination";
  EXPECT_EQ(reply(listener, {"www.example.org", 3}), 2) << "an impossible answer";
  EXPECT_EQ(reply(listener, {"www.example.org", 4}), 2) << "none at all";
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(receive_end(client.get()), 0);
  const std::lock_guard lock{mutex};
  ASSERT_EQ(asked.size(), 5u);
  const omnilink_question& first = asked[0];
  EXPECT_EQ(first.layer, unsigned{OMNILINK_CONNECT_AUTH});
  EXPECT_EQ(std::string{first.callout} + " " + first.filter + " " + first.listener, "judge ask mixed://127.0.0.1:0");
  EXPECT_EQ(std::string{first.host}, "127.0.0.1");
  EXPECT_EQ(first.port, origin.address().port);
  EXPECT_EQ(first.destination.ss_family, AF_INET);
  EXPECT_EQ(first.timeout_ms, 5000u);
  EXPECT_EQ(std::string{asked[1].host}, "www.example.org");
  EXPECT_EQ(asked[1].destination.ss_family, AF_UNSPEC);
  EXPECT_EQ(asked[2].layer, unsigned{OMNILINK_CONNECT_REDIRECT});
}

TEST_F(callouts, verdicts_say_what_there_is_to_say) {
  add("judge", [](const omnilink_question& question, omnilink_answer& answer) { answer.action = question.port == 1 ? OMNILINK_REJECT : OMNILINK_PERMIT; });
  start(judged);
  {
    const auto client = connect_tcp(listener);
    ASSERT_EQ(socks5_connect(client.get(), core::target{origin.address()}), 0);
    ASSERT_TRUE(echoes(client.get(), "12345\n"));
    ::shutdown(client.get(), SHUT_WR);
    receive_end(client.get());
  }
  const auto good = verdict(0);
  EXPECT_EQ(good.size, sizeof good);
  EXPECT_EQ(good.code, unsigned{OMNILINK_OK});
  EXPECT_EQ(good.bytes_up, 6u);
  EXPECT_EQ(good.bytes_down, 6u);
  EXPECT_EQ(good.hop, -1);
  EXPECT_EQ(std::string{good.rule} + " " + good.chain, "ask direct");
  EXPECT_EQ(good.port, origin.address().port);
  EXPECT_EQ(reply(listener, {"www.example.org", 1}), 2);
  const auto bad = verdict(1);
  EXPECT_EQ(bad.code, unsigned{OMNILINK_E_REJECTED});
  EXPECT_EQ(std::string{bad.host}, "www.example.org");
  EXPECT_EQ(bad.original.ss_family, AF_UNSPEC);
  EXPECT_NE(std::string{bad.text}.find("by \"ask\""), std::string::npos) << bad.text;
  EXPECT_NE(bad.connection, good.connection);
  core::endpoint nobody;
  {
    const echo_server gone;
    nobody = gone.address();
  }
  EXPECT_EQ(reply(listener, core::target{nobody}), 5);
  const auto refused = verdict(2);
  EXPECT_EQ(refused.code, unsigned{OMNILINK_E_REFUSED});
  EXPECT_EQ(refused.step, unsigned{OMNILINK_STEP_CONNECT});
  EXPECT_EQ(refused.system_errno, unsigned{ECONNREFUSED});
}

TEST_F(callouts, pend_and_are_completed_by_another_thread) {
  std::vector<std::uint64_t> tokens;
  add("judge", [&](const omnilink_question& question, omnilink_answer& answer) {
    answer.action = OMNILINK_PEND;
    const std::lock_guard lock{mutex};
    tokens.push_back(question.token);
    changed.notify_all();
  });
  const auto token = [&](std::size_t index) {
    std::unique_lock lock{mutex};
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds{60}, [&] { return tokens.size() > index; }));
    return index < tokens.size() ? tokens[index] : 0;
  };
  start(judged);
  for (const auto action : {OMNILINK_PERMIT, OMNILINK_REJECT}) {
    auto waits = std::async(std::launch::async, [&] { return reply(listener, core::target{origin.address()}); });
    const std::uint64_t mine = token(action == OMNILINK_PERMIT ? 0 : 1);
    auto said = answer_of(action);
    EXPECT_EQ(omnilink_callout_complete(it, mine + 1, &said), OMNILINK_E_NOT_FOUND) << "another's";
    said.action = OMNILINK_PEND;
    EXPECT_EQ(omnilink_callout_complete(it, mine, &said), OMNILINK_E_ARGUMENT) << last_error();
    said.action = OMNILINK_TO;
    EXPECT_EQ(omnilink_callout_complete(it, mine, &said), OMNILINK_E_ARGUMENT) << "to where?";
    said.action = action;
    said.size = sizeof said - 1;
    EXPECT_EQ(omnilink_callout_complete(it, mine, &said), OMNILINK_E_SIZE);
    said.size = sizeof said;
    said.reserved = 1;
    EXPECT_EQ(omnilink_callout_complete(it, mine, &said), OMNILINK_E_SIZE);
    said.reserved = 0;
    auto endless = answer_of(OMNILINK_CHAIN);
    std::memset(endless.chain, 'c', sizeof endless.chain);
    EXPECT_EQ(omnilink_callout_complete(it, mine, &endless), OMNILINK_E_ARGUMENT) << last_error();
    EXPECT_EQ(omnilink_callout_complete(it, mine, nullptr), OMNILINK_E_ARGUMENT);
    EXPECT_EQ(omnilink_callout_complete(it, mine, &said), OMNILINK_OK) << last_error();
    EXPECT_EQ(waits.get(), action == OMNILINK_PERMIT ? 0 : 2);
    EXPECT_EQ(omnilink_callout_complete(it, mine, &said), OMNILINK_E_NOT_FOUND) << "answered already";
  }
}

// A library that does not answer, or has no code: as the configuration says.
TEST_F(callouts, without_an_answer_in_time_it_is_as_the_configuration_says) {
  add("judge", [](const omnilink_question&, omnilink_answer&) {});
  const std::string quick = "[[callout]]\nname = \"judge\"\nkind = \"library\"\ntimeout = \"50ms\"\n";
  const std::string rules = "[[rule]]\nname = \"ask\"\naction = \"callout:judge\"\n[[rule]]\naction = \"direct\"\n";
  ASSERT_EQ(start_only(quick + rules), OMNILINK_OK) << last_error();
  EXPECT_EQ(reply(address(), core::target{origin.address()}), 2) << "nobody dispatches";
  while (verdicts.empty()) ASSERT_EQ(omnilink_dispatch(it, 60'000), OMNILINK_OK) << last_error();
  EXPECT_NE(std::string{verdict(0).text}.find("the library did not answer in time"), std::string::npos);
  ASSERT_EQ(start_only(quick + "unanswered = \"continue\"\n" + rules), OMNILINK_OK) << last_error();
  EXPECT_EQ(reply(address(), core::target{origin.address()}), 0);
  start(judged);
  EXPECT_EQ(reply(listener, core::target{origin.address()}), 2) << "it has not said what";
  EXPECT_EQ(omnilink_callout_add(it, "judge", nullptr, nullptr), OMNILINK_OK);
  EXPECT_EQ(reply(listener, core::target{origin.address()}), 2) << "there is none any more";
}

TEST_F(callouts, a_thousand_connections_wait_at_once_and_hold_up_nobody) {
  rlimit files;
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  constexpr int count = 1000;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> waiting;  // token, connection
  add("judge", [&](const omnilink_question& question, omnilink_answer& answer) {
    if (std::string_view{question.host} == "now.example") {
      answer.action = OMNILINK_REJECT;
      return;
    }
    answer.action = OMNILINK_PEND;
    const std::lock_guard lock{mutex};
    waiting.emplace_back(question.token, question.connection);
    changed.notify_all();
  });
  start(judged);
  std::vector<io::descriptor> clients;
  const auto port = origin.address().port;
  const std::string request{"\5\1\0\5\1\0\1\x7f\0\0\1", 11};
  for (int i = 0; i < count; ++i) {
    clients.push_back(connect_tcp(listener));
    ASSERT_TRUE(send_all(clients.back().get(), request + static_cast<char>(port >> 8) + static_cast<char>(port & 0xff)));
  }
  {
    std::unique_lock lock{mutex};
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds{120}, [&] { return waiting.size() == count; }));
  }
  EXPECT_EQ(reply(listener, {"now.example", 80}), 2) << "who comes later is answered meanwhile";
  const auto complete = [&](std::size_t from) {
    for (std::size_t i = from; i < waiting.size(); i += 2) {
      const auto said = answer_of(waiting[i].second % 10 == 0 ? OMNILINK_PERMIT : OMNILINK_REJECT);
      EXPECT_EQ(omnilink_callout_complete(it, waiting[i].first, &said), OMNILINK_OK) << last_error();
    }
  };
  std::thread odd{complete, 1};
  complete(0);
  odd.join();
  int open = 0, refused = 0;
  for (const auto& client : clients) {
    const std::string said = receive(client.get(), 4);
    if (said == std::string{"\5\0\5\0", 4}) ++open;
    if (said == std::string{"\5\0\5\2", 4}) ++refused;
  }
  const auto permitted = std::ranges::count_if(waiting, [](const auto& one) { return one.second % 10 == 0; });
  EXPECT_EQ(open, permitted);
  EXPECT_EQ(refused, count - permitted);
}

TEST_F(callouts, two_of_them_and_what_a_callback_may_call) {
  std::vector<std::string> asked;
  add("first", [&](const omnilink_question& question, omnilink_answer& answer) {
    asked.push_back(question.callout);
    EXPECT_EQ(omnilink_dispatch(it, 0), OMNILINK_OK) << "from a callback: nothing more is told";
    EXPECT_EQ(omnilink_callout_add(it, "first", call_back, &codes[0]), OMNILINK_OK);
    EXPECT_EQ(omnilink_on_flow(it, nullptr, nullptr), OMNILINK_OK);
    EXPECT_EQ(omnilink_events_fd(it) >= 0, true);
    EXPECT_EQ(address(), listener);
    answer.action = OMNILINK_CONTINUE;
    const auto early = answer_of(OMNILINK_CONTINUE);
    EXPECT_EQ(omnilink_callout_complete(it, question.token, &early), OMNILINK_OK) << "before it has returned; the other answer is none";
  });
  add("second", [&](const omnilink_question& question, omnilink_answer& answer) {
    asked.push_back(question.callout);
    answer.action = OMNILINK_DIRECT;
  });
  start("[[callout]]\nname = \"first\"\nkind = \"library\"\n[[callout]]\nname = \"second\"\nkind = \"library\"\n"
        "[[rule]]\naction = \"callout:first\"\n[[rule]]\naction = \"callout:second\"\n");
  EXPECT_EQ(reply(listener, core::target{origin.address()}), 0);
  end();
  EXPECT_EQ(asked, (std::vector<std::string>{"first", "second"}));
}

TEST_F(callouts, end_with_their_service) {
  add("judge", [](const omnilink_question&, omnilink_answer& answer) { answer.action = OMNILINK_PERMIT; });
  EXPECT_EQ(omnilink_events_fd(it), -1);
  ASSERT_EQ(start_only(judged), OMNILINK_OK) << last_error();
  EXPECT_GE(omnilink_events_fd(it), 0);
  auto waits = std::async(std::launch::async, [&, where = address()] { return reply(where, core::target{origin.address()}); });
  pollfd ready{omnilink_events_fd(it), POLLIN, 0};
  ASSERT_EQ(::poll(&ready, 1, 60'000), 1) << "a question";
  EXPECT_EQ(omnilink_service_stop(it), OMNILINK_OK);
  EXPECT_NE(waits.get(), 0);
  int code = OMNILINK_OK;
  while (code == OMNILINK_OK) code = omnilink_dispatch(it, 60'000);
  EXPECT_EQ(code, OMNILINK_E_SHUTTING_DOWN) << last_error();
  EXPECT_EQ(omnilink_dispatch(it, 0), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_events_fd(it), -1);
}

TEST_F(callouts, end_with_their_program_and_its_service_too) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer starts no thread in the child of a process with threads";
#endif
  add("judge", [](const omnilink_question&, omnilink_answer& answer) { answer.action = OMNILINK_PERMIT; });
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (start_only(judged) != OMNILINK_OK) ::_exit(1);
    const core::endpoint where = address();
    if (::write(told[1], &where.port, sizeof where.port) < 0) ::_exit(1);
    ::pause();
  }
  ::close(told[1]);
  std::uint16_t port = 0;
  ASSERT_EQ(::read(told[0], &port, sizeof port), static_cast<ssize_t>(sizeof port));
  const core::endpoint where{core::address::v4(0x7f000001), port};
  const auto client = connect_tcp(where);
  ASSERT_TRUE(send_all(client.get(), std::string{"\5\1\0\5\1\0\1\x7f\0\0\1\0\1", 13}));
  EXPECT_EQ(receive(client.get(), 2), (std::string{"\5\0", 2}));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(receive(client.get(), 1), "") << "whoever waited is not let through";
  // A worker that has just been left ends on its own.
  while (connect_tcp(where)) {
  }
  ::close(told[0]);
}

TEST_F(callouts, what_is_no_callout_is_refused_with_a_reason) {
  const auto nothing = [](void*, const omnilink_question*, omnilink_answer*) {};
  EXPECT_EQ(omnilink_callout_add(nullptr, "judge", nothing, nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_callout_add(it, nullptr, nothing, nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_callout_add(it, "", nothing, nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_callout_add(it, std::string(64, 'n').c_str(), nothing, nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_callout_add(it, "a\nb", nothing, nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_callout_add(it, "none", nullptr, nullptr), OMNILINK_OK);
  EXPECT_EQ(omnilink_on_verdict(nullptr, nullptr, nullptr), OMNILINK_E_ARGUMENT);
  const auto said = answer_of(OMNILINK_PERMIT);
  EXPECT_EQ(omnilink_callout_complete(nullptr, 1, &said), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_callout_complete(it, 1, &said), OMNILINK_E_NOT_FOUND);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(omnilink_callout_add(it, ("n" + std::to_string(i)).c_str(), nothing, nullptr), OMNILINK_OK);
  EXPECT_EQ(omnilink_callout_add(it, "one more", nothing, nullptr), OMNILINK_E_LIMIT_REACHED);
  EXPECT_EQ(start_only(judged), OMNILINK_E_ARGUMENT);
  EXPECT_NE(last_error().find("the program has added no callout \"judge\" (omnilink_callout_add)"), std::string::npos) << last_error();
}

}  // namespace
}  // namespace omnilink::test
