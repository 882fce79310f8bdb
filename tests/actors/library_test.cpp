// Connections that a library's callouts judge: a running service, and the test in the place of the program that started it.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <future>

#include "interceptor/library.hpp"
#include "tests/actors/echo_server.hpp"
#include "tests/actors/reloading.hpp"
#include "tests/actors/ruled.hpp"

namespace omnilink::test {
namespace {

using interceptor::library_settings;
using wire::callout_answer;
using wire::callout_question;
using what = callout_answer::what;
namespace filter = interceptor::filter;
using filter::layer_id;

/// The other end. Every wait is bounded by 20 s.
class judge {
 public:
  explicit judge(std::vector<std::string> names = {"judge"}) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    own_ = io::descriptor{ends[0]};
    const timeval patience{20, 0};
    ::setsockopt(own_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    send(wire::encode(wire::callout_offer{true, std::move(names)}));
    auto met = interceptor::meet_library(io::descriptor{ends[1]});
    EXPECT_TRUE(met.has_value()) << met.error();
    peer = std::move(*met);
  }

  void send(wire::bytes packet) { EXPECT_EQ(::send(own_.get(), packet.data(), packet.size(), MSG_NOSIGNAL), static_cast<ssize_t>(packet.size())); }
  void say(const callout_question& to, what action) { send(wire::encode(callout_answer{to.token, action, {}, {}, 0, {}})); }
  void leave() {
    peer.reset();
    own_.reset();
  }

  callout_question question() {
    std::optional<callout_question> out;
    while (!out) {
      const auto packet = receive_packet();
      if (packet.empty()) return {};
      if (const auto verdict = wire::decode_callout_verdict(packet)) verdicts.push_back(*verdict);
      else out = wire::decode_callout_question(packet);
    }
    return *out;
  }
  wire::callout_verdict verdict() {
    if (verdicts.empty()) verdicts.push_back(wire::decode_callout_verdict(receive_packet()).value_or(wire::callout_verdict{}));
    const auto out = verdicts.front();
    verdicts.erase(verdicts.begin());
    return out;
  }

  std::shared_ptr<const interceptor::library_peer> peer;
  std::vector<wire::callout_verdict> verdicts;

 private:
  std::vector<std::uint8_t> receive_packet() {
    std::vector<std::uint8_t> out(4096);
    const ssize_t size = ::recv(own_.get(), out.data(), out.size(), 0);
    EXPECT_GT(size, 0);
    out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return out;
  }

  io::descriptor own_;
};

filter::filter asking(layer_id at, std::string name) {
  filter::filter out;
  out.name = std::move(name);
  out.provider = "configuration";
  out.layer = at;
  out.weight = filter::weight::exact(100);  // before the rules
  out.action = filter::action::callout(filter::action_kind::callout_unknown, "judge");
  return out;
}

class library : public testing::Test {
 protected:
  actors::configuration judged(std::vector<rule> rules, library_settings settings = {std::chrono::minutes{1}}) {
    actors::configuration out = seen.watched(with(std::move(rules)));
    out.callouts = {{"judge", settings}};
    out.library = asked.peer;
    return out;
  }
  /// REP of RFC 1928: 0 it is open, 1 general failure, 2 not allowed.
  std::future<int> connect(const core::endpoint& listener, core::target to) {
    return std::async(std::launch::async, [listener, to = std::move(to)] { return socks5_connect(connect_tcp(listener).get(), to); });
  }

  trips seen;
  judge asked;
  echo_server origin;
  static constexpr int open = 0, refused = 2;
};

TEST_F(library, answers_decide_and_verdicts_are_told) {
  echo_server other;
  const rule ask{"ask", {}, "callout:judge", true};
  running omnilink{judged({ask, to_port(other.address(), "reject", "no"), everything("direct")})};
  ASSERT_EQ(omnilink.problem(), "");
  const core::target to{origin.address()};
  struct {
    what said;
    core::target to;
    int reply;
    const char* rule;
  } const cases[]{{what::permit, to, open, "ask"}, {what::go_on, to, open, "rule 3"},  {what::direct, {other.address()}, open, "ask"},
                  {what::go_on, {other.address()}, refused, "no"}, {what::reject, to, refused, "ask"}};
  std::uint64_t last = 0;
  for (const auto& one : cases) {
    auto reply = connect(omnilink.listener(), one.to);
    const callout_question question = asked.question();
    EXPECT_EQ(question.callout + " " + question.filter, "judge ask");
    EXPECT_EQ(question.at, callout_question::layer::connect_auth);
    EXPECT_EQ(question.destination, one.to);
    EXPECT_EQ(question.listener, "mixed://127.0.0.1:0");
    EXPECT_EQ(question.limit_ms, 60'000u);
    EXPECT_NE(question.token, last);
    last = question.token;
    asked.say(question, one.said);
    EXPECT_EQ(reply.get(), one.reply);
    const auto verdict = asked.verdict();
    EXPECT_EQ(verdict.connection, question.connection);
    EXPECT_EQ(verdict.source, question.source);
    EXPECT_EQ(verdict.original, one.to);
    EXPECT_EQ(verdict.rule, one.rule);
    EXPECT_EQ(verdict.code, one.reply == open ? core::errc::ok : core::errc::rejected);
    EXPECT_EQ(verdict.lost, 0u);
  }
  const auto held = connect_tcp(omnilink.listener());
  ASSERT_TRUE(send_all(held.get(), std::string{"\5\1\0\5\1\0\1\xc0\0\2\1\0\x50", 13}));
  EXPECT_EQ(receive(held.get(), 2), (std::string{"\5\0", 2}));
  asked.say(asked.question(), what::block);
  ::shutdown(held.get(), SHUT_WR);
  EXPECT_EQ(receive(held.get(), 1), "") << "without an answer";
  EXPECT_EQ(seen.wait(std::size(cases) + 1).back().verdict.code, core::errc::rejected);
}

TEST_F(library, another_destination_at_connect_redirect_and_the_accept_layer) {
  echo_server other;
  actors::configuration config = judged({everything("direct")});
  config.filters = {asking(layer_id::connect_redirect_v4, "where"), asking(layer_id::accept_v4, "who"), asking(layer_id::connect_auth_v4, "whether")};
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  auto reply = connect(omnilink.listener(), {"www.example.org", 80});
  auto question = asked.question();
  EXPECT_EQ(question.filter, "who");
  EXPECT_EQ(question.at, callout_question::layer::accept);
  EXPECT_EQ(question.destination.port, 0) << "not known yet";
  asked.say(question, what::permit);
  question = asked.question();
  EXPECT_EQ(question.filter, "where");
  EXPECT_EQ(question.destination, (core::target{"www.example.org", 80}));
  asked.send(wire::encode(callout_answer{question.token, what::redirect, other.address().address, {}, other.address().port, {}}));
  question = asked.question();
  EXPECT_EQ(question.filter, "whether");
  EXPECT_EQ(question.destination, core::target{other.address()});
  asked.say(question, what::go_on);
  EXPECT_EQ(reply.get(), open);
  EXPECT_EQ(seen.wait(1)[0].rule, "who, where, rule 1");
  reply = connect(omnilink.listener(), origin.address());
  asked.say(asked.question(), what::reject);
  EXPECT_EQ(reply.get(), -1) << "its client may not come: a reset";
}

// Whatever is no answer is the configuration's.
TEST_F(library, without_an_answer_the_configuration_decides) {
  const std::vector<rule> rules{{"ask", {}, "callout:judge", true}, everything("direct")};
  const auto refusals = [this](std::size_t count) { return seen.wait(count).back().verdict.detail; };
  {
    running omnilink{judged(rules)};
    ASSERT_EQ(omnilink.problem(), "");
    std::size_t count = 0;
    const auto answered = [&](auto answer) {
      auto reply = connect(omnilink.listener(), origin.address());
      answer(asked.question());
      EXPECT_EQ(reply.get(), refused);
      return refusals(++count);
    };
    EXPECT_EQ(answered([&](const callout_question& q) { asked.say(q, what::none); }), "by \"ask\": the library gave no answer");
    EXPECT_EQ(answered([&](const callout_question& q) {
      auto odd = wire::encode(callout_answer{q.token, what::permit, {}, {}, 0, {}});
      odd[odd.size() - 1] = 'x';
      asked.send(odd);
    }), "by \"ask\": the library's answer is malformed");
    EXPECT_EQ(answered([&](const callout_question& q) { asked.send(wire::encode(callout_answer{q.token, what::chain, {}, {}, 0, "none"})); }),
              "by \"ask\": the library's answer is not possible here");
    EXPECT_EQ(answered([&](const callout_question& q) { asked.send(wire::encode(callout_answer{q.token, what::redirect, {}, {}, 80, {}})); }),
              "by \"ask\": the library's answer is not possible here");
    // What nobody waits for is no answer to anybody.
    auto reply = connect(omnilink.listener(), origin.address());
    auto question = asked.question();
    const std::uint64_t token = std::exchange(question.token, question.token + 1);
    asked.say(question, what::permit);
    asked.send(std::vector<std::uint8_t>(5000, 1));
    question.token = token;
    asked.say(question, what::reject);
    asked.say(question, what::permit);
    EXPECT_EQ(reply.get(), refused);
    reply = connect(omnilink.listener(), origin.address());
    asked.question();
    asked.leave();
    EXPECT_EQ(reply.get(), refused) << "at once, when the program has ended";
    EXPECT_EQ(refusals(count + 2), "by \"ask\": the library's program has ended");
    EXPECT_EQ(connect(omnilink.listener(), origin.address()).get(), refused);
  }
  asked = judge{};
  seen.all.clear();
  running omnilink{judged(rules, {std::chrono::milliseconds{50}, std::nullopt})};
  ASSERT_EQ(omnilink.problem(), "");
  EXPECT_EQ(connect(omnilink.listener(), origin.address()).get(), open) << "as if it had no opinion";
  asked.say(asked.question(), what::reject);
  EXPECT_EQ(seen.wait(1)[0].verdict.code, core::errc::ok);
}

TEST_F(library, who_waits_is_shown_and_ends_when_it_is_killed) {
  temporary_folder folder;
  actors::configuration config = judged({{"ask", {}, "callout:judge", true}, everything("direct")});
  const std::string socket = config.admin_socket = folder.path + "/admin.sock";
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  auto reply = connect(omnilink.listener(), origin.address());
  const std::uint64_t id = asked.question().connection;
  EXPECT_NE(admin(socket, R"({"verb": "connections"})").find("\"asked\""), std::string::npos);
  admin(socket, R"({"verb": "connections_kill", "id": )" + std::to_string(id) + "}");
  EXPECT_NE(reply.get(), open);
  EXPECT_EQ(seen.wait(1).back().verdict.code, core::errc::canceled);
}

TEST_F(library, what_was_said_counts_when_the_rules_change) {
  reloading control;
  actors::configuration config = judged({to_port(origin.address(), "callout:judge", "ask", on_change::close), everything("reject")});
  control.next = config;
  running omnilink{control.reloadable(config)};
  ASSERT_EQ(omnilink.problem(), "");
  auto made = std::async(std::launch::async, [&] { return tunnel(omnilink.listener(), core::target{origin.address()}); });
  asked.say(asked.question(), what::permit);
  const auto client = made.get();
  ASSERT_TRUE(echoes(client.get(), "one\n"));
  control.next.rules.push_back(to_port({{}, 1}, "direct", "another"));
  ASSERT_TRUE(control.reload(omnilink));
  EXPECT_TRUE(echoes(client.get(), "two\n")) << "nobody was asked again";
  control.next.rules.erase(control.next.rules.begin());
  ASSERT_TRUE(control.reload(omnilink));
  EXPECT_EQ(receive_end(client.get()), -ECONNRESET);
}

/// What the next connection asks this SOCKS5 hop for: its ATYP.
int asked_for(int listener) {
  const io::descriptor one{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  if (receive(one.get(), 3).size() != 3 || !send_all(one.get(), {"\5\0", 2})) return -1;
  const std::string request = receive(one.get(), 4);
  return request.size() == 4 ? request[3] : -1;
}

TEST_F(library, A7_a_sniffed_name_that_it_would_be_asked_about_changes_nothing) {
  const io::descriptor hop{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::listen(hop.get(), 8), 0);  // on a free port
  actors::configuration config = judged({{"ask", {{"host", {"asked.test"}}}, "callout:judge", true}, everything("chain:out")});
  config.callouts.push_back({"names", interceptor::sniff_settings{std::chrono::seconds{20}}});
  config.filters = {asking(layer_id::stream, "sniffs")};
  config.filters[0].action = filter::action::callout(filter::action_kind::callout_inspection, "names");
  config.chains = {through("out", {core::address::v4(0x7f000001), io::bound_address(hop.get()).port})};
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  for (const auto& [name, atyp] : {std::pair{"other.test", 3}, {"asked.test", 1}}) {
    const auto client = tunnel(omnilink.listener(), core::target{core::endpoint{core::address::v4(0xc0000201), 80}});
    ASSERT_TRUE(send_all(client.get(), "GET / HTTP/1.1\r\nHost: " + std::string{name} + "\r\n\r\n"));
    EXPECT_EQ(asked_for(hop.get()), atyp) << name;
  }
}

TEST_F(library, explain_asks_nobody) {
  temporary_folder folder;
  actors::configuration config = judged({{"ask", {}, "callout:judge", true}, everything("direct")});
  const std::string socket = config.admin_socket = folder.path + "/admin.sock";
  running omnilink{std::move(config)};
  ASSERT_EQ(omnilink.problem(), "");
  const std::string said = admin(socket, R"({"verb": "explain", "destination": "192.0.2.1:80"})");
  EXPECT_NE(said.find("asks a library's callout"), std::string::npos) << said;
  EXPECT_NE(said.find("\"outcome\":\"connect\""), std::string::npos) << said;
}

}  // namespace
}  // namespace omnilink::test
