#include "chain/health.hpp"

#include <gtest/gtest.h>

namespace omnilink::chain {
namespace {

using namespace std::chrono_literals;
using core::errc;
using core::step;
using core::verdict;
using reply = core::verdict::reply_kind;

constexpr core::instant start{1h};

// Three hops: SOCKS5, HTTP CONNECT, SOCKS5.
chain three() {
  chain out;
  out.name = "out";
  for (const char* url : {"socks5://a", "http://b", "socks5://c"}) out.hops.push_back(*parse_hop_url(url));
  return out;
}

verdict ended(int hop, step where, errc code, reply from = reply::none, std::uint16_t said = 0) {
  verdict out;
  out.code = code;
  out.step = where;
  out.hop = hop;
  out.reply_from = from;
  out.reply = said;
  return out;
}

// One letter per hop: good, bad, nothing.
std::string marks(const verdict& dial) {
  const chain way = three();
  std::string out;
  for (std::size_t hop = 0; hop < way.hops.size(); ++hop) {
    const mark said = mark_of(dial, way, hop);
    out += said == mark::good ? 'g' : said == mark::bad ? 'b' : '-';
  }
  return out;
}

TEST(health, what_counts_against_which_hop) {
  struct {
    verdict dial;
    const char* marks;
  } const table[] = {
      {{}, "ggg"},
      // its own doing
      {ended(0, step::resolve, errc::name_not_found), "b--"},
      {ended(0, step::connect, errc::refused), "b--"},
      {ended(0, step::connect, errc::unreachable), "b--"},
      {ended(0, step::connect, errc::timed_out), "b--"},
      {ended(1, step::tls, errc::tls_untrusted), "gb-"},
      {ended(1, step::tls, errc::timed_out), "gb-"},
      {ended(1, step::auth, errc::auth_failed, reply::http, 407), "gb-"},
      {ended(0, step::auth, errc::method_refused), "b--"},
      {ended(0, step::auth, errc::timed_out), "b--"},
      {ended(2, step::request, errc::closed_early), "ggb"},
      {ended(1, step::request, errc::bad_message), "gb-"},
      {ended(1, step::request, errc::io_failed), "gb-"},
      {ended(1, step::request, errc::timed_out), "gb-"},
      {ended(0, step::request, errc::hop_refused, reply::socks5, 1), "b--"},
      {ended(0, step::request, errc::hop_refused, reply::socks5, 7), "b--"},
      {ended(1, step::request, errc::hop_refused, reply::http, 400), "gb-"},
      {ended(1, step::request, errc::hop_refused, reply::http, 405), "gb-"},
      {ended(0, step::request, errc::hop_refused, reply::socks4, 93), "b--"},
      // the next hop's
      {ended(0, step::request, errc::hop_refused, reply::socks4, 91), "gb-"},
      {ended(0, step::request, errc::hop_refused, reply::socks5, 2), "gb-"},
      {ended(0, step::request, errc::hop_refused, reply::socks5, 5), "gb-"},
      {ended(0, step::request, errc::timed_out), "gb-"},
      {ended(1, step::request, errc::hop_refused, reply::http, 502), "ggb"},
      // the target's
      {ended(2, step::request, errc::hop_refused, reply::socks5, 3), "ggg"},
      {ended(2, step::request, errc::hop_refused, reply::socks5, 4), "ggg"},
      {ended(2, step::request, errc::timed_out), "ggg"},
      // ours
      {ended(0, step::connect, errc::io_failed), "---"},
      {ended(0, step::connect, errc::permission_denied), "---"},
      {ended(0, step::connect, errc::loop), "---"},
      {ended(1, step::request, errc::canceled), "g--"},
      {ended(2, step::tls, errc::shutting_down), "gg-"},
      {ended(1, step::request, errc::bad_name), "g--"},
      {ended(verdict::no_hop, step::none, errc::rejected), "---"},
      {ended(3, step::connect, errc::refused), "---"},
  };
  for (const auto& row : table) EXPECT_EQ(marks(row.dial), row.marks) << row.dial.to_string();
}

TEST(health, http_statuses_that_speak_of_the_target) {
  chain way;
  way.hops.push_back(*parse_hop_url("http://b"));
  for (int status = 300; status < 600; ++status) {
    const bool of_target = status == 403 || status == 404 || status == 410 || status == 451 || status == 500 ||
                           (status >= 502 && status <= 504);
    const verdict dial = ended(0, step::request, errc::hop_refused, reply::http, static_cast<std::uint16_t>(status));
    EXPECT_EQ(mark_of(dial, way, 0), of_target ? mark::good : mark::bad) << status;
  }
}

TEST(health, an_outcome_has_the_times_of_what_succeeded) {
  const chain way = three();
  const hop_time took{9ms, 2ms, 3ms, 4ms};
  auto seen = outcome_of({}, way, 0, took, start);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->took.request, 4ms);
  EXPECT_EQ(seen->text, "");

  seen = outcome_of(ended(0, step::tls, errc::tls_untrusted), way, 0, took, start);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->took.connect, 2ms);
  EXPECT_EQ(seen->took.tls, 0ns);
  EXPECT_EQ(seen->took.request, 0ns);
  EXPECT_EQ(seen->code, errc::tls_untrusted);
  EXPECT_EQ(seen->text, "hop 0: tls: the certificate is not trusted");

  // That the target is slow to refuse is not the hop's slowness.
  seen = outcome_of(ended(2, step::request, errc::hop_refused, reply::socks5, 5), way, 2, took, start);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->code, errc::ok);
  EXPECT_EQ(seen->took.request, 0ns);

  EXPECT_FALSE(outcome_of(ended(0, step::tls, errc::tls_untrusted), way, 1, {}, start));
}

hop_outcome good(core::instant when, hop_time took = {}) { return {when, errc::ok, step::none, took, {}}; }
hop_outcome bad(core::instant when) { return {when, errc::refused, step::connect, {}, "connection refused"}; }

TEST(health, untried_until_something_is_known) {
  const hop_health fresh;
  EXPECT_TRUE(fresh.untried());
  EXPECT_FALSE(fresh.failing());
  EXPECT_EQ(fresh.outcomes(), 0u);
  EXPECT_FALSE(fresh.last_failure());
  EXPECT_FALSE(fresh.last_success());
}

TEST(health, fails_since_the_first_of_a_row_until_a_success) {
  hop_health hop;
  hop.record(good(start));
  hop.record(bad(start + 1s));
  hop.record(bad(start + 2s));
  EXPECT_TRUE(hop.failing());
  EXPECT_EQ(hop.failures_in_a_row(), 2u);
  EXPECT_EQ(hop.failing_since(), start + 1s);
  EXPECT_EQ(hop.last_success(), start);
  ASSERT_TRUE(hop.last_failure());
  EXPECT_EQ(hop.last_failure()->when, start + 2s);
  hop.record(good(start + 3s));
  EXPECT_FALSE(hop.failing());
  EXPECT_EQ(hop.last_failure()->text, "connection refused");
  hop.record(bad(start + 4s));
  EXPECT_EQ(hop.failing_since(), start + 4s);
}

TEST(health, the_window_forgets_the_oldest) {
  hop_health hop;
  for (int i = 0; i < 10; ++i) hop.record(bad(start));
  EXPECT_EQ(hop.outcomes(), 10u);
  EXPECT_EQ(hop.successes(), 0u);
  for (std::size_t i = 0; i < hop_health::window - 3; ++i) hop.record(good(start));
  EXPECT_EQ(hop.outcomes(), hop_health::window);
  EXPECT_EQ(hop.successes(), hop_health::window - 3);
}

TEST(health, averages_follow_slowly_and_skip_what_did_not_happen) {
  hop_health hop;
  hop.record(good(start, {3ms, 1ms, 0ns, 2ms}));
  EXPECT_EQ(hop.average().connect, 1ms);
  EXPECT_EQ(hop.average().tls, 0ns);
  hop.record(good(start, {12ms, 9ms, 0ns, 0ns}));
  EXPECT_EQ(hop.average().connect, 2ms);
  EXPECT_EQ(hop.average().request, 2ms);
  for (int i = 0; i < 100; ++i) hop.record(good(start, {0ns, 9ms, 0ns, 0ns}));
  EXPECT_NEAR(static_cast<double>(hop.average().connect.count()), 9e6, 1e4);
}

}  // namespace
}  // namespace omnilink::chain
