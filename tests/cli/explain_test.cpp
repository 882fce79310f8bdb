// What a person reads who asks why: three owners that disagree, and who decided.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "actors/explain.hpp"
#include "cli/explain_text.hpp"
#include "interceptor/filter/week_time.hpp"
#include "tests/filter/setup.hpp"

namespace omnilink::cli {
namespace {

namespace filter = interceptor::filter;
using filter::action;
using filter::any_of;
using filter::field_id;
using filter::layer_id;

class explained : public filter::three_sublayers {
 protected:
  explained() {
    chain::chain out;
    out.name = "out";
    for (const auto& [name, url] : {std::pair{"paris", "socks5://10.0.0.1:1080"}, {"edge", "https://edge.example:443"}}) {
      out.hops.push_back(*chain::parse_hop_url(url));
      out.hops.back().name = name;
    }
    chains.push_back(std::move(out));
    about.destination = *core::target::parse("ads.example.com:443");
  }

  static filter::filter owned(filter::filter f, std::string owner, std::vector<filter::condition> conditions = {}) {
    f.provider = std::move(owner);
    f.conditions = std::move(conditions);
    return f;
  }

  /// Operations permit all of it, the network's owner sends the web through a chain, security has a block list.
  void three_owners(filter::filter of_operations) {
    filter::filter to_8080 = owned(filter::make("web test", action::redirect({{}, {}, 8080}), 3), "network",
                                   {any_of(field_id::remote_port, {"80"})});
    to_8080.layer = layer_id::connect_redirect_v4;
    add({owned(std::move(of_operations), "operations"),
         owned(filter::make("ssh", action::direct(), 10), "network", {any_of(field_id::remote_port, {"22"})}),
         owned(filter::make("web", action::chain("out"), 9), "network", {any_of(field_id::remote_port, {"80", "443", "8080"})}),
         owned(filter::make("rest", action::block(), 1), "network"),
         owned(filter::make("block list", action::block(), 5, "light"), "security",
               {any_of(field_id::host, {"ads.example.com", "*.ads.example"})}),
         owned(filter::make("root", action::block(), 4, "light"), "security", {any_of(field_id::uid, {"0"})}),
         to_8080});
  }

  nlohmann::json answer() {
    const chain::router router{chains, {}};
    return actors::explain(filters.current().get(), callouts, router, about, {});
  }
  std::string text() { return explain_text(answer()); }

  std::vector<chain::chain> chains;
  std::vector<interceptor::callout_settings> callouts;
  wire::connection_question about;
};

TEST_F(explained, three_owners_that_disagree) {
  three_owners(filter::make("all programs", action::permit(), 1, "heavy"));
  about.source = *core::address::parse("10.0.0.7");
  about.minute = *filter::parse_week_time("Sun 23:59");
  EXPECT_EQ(text(), R"(ads.example.com:443 would be blocked: reject
  because    "block list" of security: reject
  asked for  host ads.example.com, local_address 10.0.0.7, remote_port 443, time Sun 23:59
  not given  uid (--uid): a filter that asks for it does not match

connect_redirect_v4: another destination?
  SUBLAYER         RESULT    FILTER                 ACTION          WHY
  default (32768)  no match  "web test" of network  redirect::8080  remote_port is 80: it is 443

connect_auth_v4: may it connect, and which way?
  SUBLAYER         RESULT     FILTER                        ACTION     WHY
  heavy (61440)    lost       "all programs" of operations  permit     overridden by "block list" of security
  default (32768)  no match   "ssh" of network              direct     remote_port is 22: it is 443
                   lost       "web" of network              chain:out  overridden by "block list" of security
                   not asked  "rest" of network             reject     "web" of network ended the search
  light (256)      DECIDES    "block list" of security      reject
                   no match   "root" of security            reject     uid is 0: it is unknown
)");
}

TEST_F(explained, a_decision_for_good_and_the_way_of_another) {
  three_owners(filter::hard(filter::make("admins", action::permit(), 1, "heavy")));
  about.destination = *core::target::parse("192.0.2.7:80");
  about.host = "ads.example.com";
  about.uid = 0;
  EXPECT_EQ(text(), R"(192.0.2.7:80 would connect through chain out
  because    "admins" of operations: permit, and "web" of network: chain:out
  becomes    192.0.2.7:8080, changed by "web test" of network
  way        paris (socks5://10.0.0.1:1080) -> edge (https://edge.example:443) -> 192.0.2.7:8080
  asked for  host ads.example.com, remote_address 192.0.2.7, remote_port 80, uid 0

connect_redirect_v4: another destination?
  SUBLAYER         RESULT   FILTER                 ACTION          WHY
  default (32768)  DECIDES  "web test" of network  redirect::8080

connect_auth_v4: may it connect, and which way?
  SUBLAYER         RESULT     FILTER                    ACTION     WHY
  heavy (61440)    DECIDES    "admins" of operations    permit     for good: no lighter sublayer may change it
  default (32768)  no match   "ssh" of network          direct     remote_port is 22: it is 8080
                   agrees     "web" of network          chain:out  "admins" of operations decides, this gives the way
                   not asked  "rest" of network         reject     "web" of network ended the search
  light (256)      lost       "block list" of security  reject     "admins" of operations had decided for good
                   not asked  "root" of security        reject     "block list" of security ended the search
)");
}

TEST_F(explained, nothing_matches_and_what_was_not_given) {
  add({owned(filter::make("me", action::direct()), "", {any_of(field_id::uid, {"1000"})})});
  EXPECT_EQ(text(), R"(ads.example.com:443 would be blocked: reject
  because    no rule matches, and that is a reject
  asked for  host ads.example.com, remote_port 443
  not given  uid (--uid): a filter that asks for it does not match

connect_redirect_v4: another destination? No filters.

connect_auth_v4: may it connect, and which way?
  SUBLAYER         RESULT    FILTER  ACTION  WHY
  default (32768)  no match  "me"    direct  uid is 1000: it is unknown
)");
}

TEST_F(explained, an_incoming_connection_is_asked_about_at_the_accept_layer_first) {
  filter::filter guests = owned(filter::make("guests", action::block()), "it", {any_of(field_id::remote_address, {"10.9.0.0/16"}), any_of(field_id::local_port, {"443"})});
  guests.layer = layer_id::accept_v4;
  add({guests, owned(filter::make("rest", action::direct()), "network")});
  about.destination = *core::target::parse("192.0.2.7:443");
  about.incoming = true;
  EXPECT_EQ(text(), R"(192.0.2.7:443 would connect directly
  because    "rest" of network: direct
  way        192.0.2.7:443
  asked for  remote_address 192.0.2.7, remote_port 443
  not given  remote_address (--from): a filter that asks for it does not match

accept_v4: may it come in?
  SUBLAYER         RESULT    FILTER          ACTION  WHY
  default (32768)  no match  "guests" of it  reject  remote_address is 10.9.0.0/16: it is unknown

connect_redirect_v4: another destination? No filters.

connect_auth_v4: may it connect, and which way?
  SUBLAYER         RESULT   FILTER             ACTION  WHY
  default (32768)  DECIDES  "rest" of network  direct
)");
  about.source = *core::address::parse("10.9.1.1");
  EXPECT_EQ(text(), R"(192.0.2.7:443 would be blocked: reject
  because    "guests" of it: reject
  asked for  local_address 10.9.1.1, remote_address 192.0.2.7, remote_port 443

accept_v4: may it come in?
  SUBLAYER         RESULT   FILTER          ACTION  WHY
  default (32768)  DECIDES  "guests" of it  reject
)");
}

TEST_F(explained, long_lists_are_folded) {
  std::vector<filter::filter> many;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back(owned(filter::make("port " + std::to_string(i), action::block(), 20'000 - i), "list",
                         {any_of(field_id::remote_port, {std::to_string(10'000 + i)})}));
  }
  for (int i = 0; i < 5; ++i) many.push_back(filter::make("rest " + std::to_string(i), action::direct(), 10 - i));
  add(std::move(many));
  const std::string folded = text();
  EXPECT_NE(folded.find("no match   … and 9 997 more (--all shows them)\n"), std::string::npos) << folded;
  EXPECT_NE(folded.find("not asked  … and 1 more (--all shows them)\n"), std::string::npos) << folded;
  EXPECT_EQ(folded.find("port 9999"), std::string::npos);
  about.all = true;
  const std::string whole = text();
  EXPECT_NE(whole.find("\"port 9999\" of list"), std::string::npos);
  EXPECT_EQ(whole.find("--all"), std::string::npos);
}

TEST_F(explained, without_rules_the_only_chain_takes_it) {
  const chain::router router{chains, {}};
  EXPECT_EQ(explain_text(actors::explain(nullptr, {}, router, about, {})), R"(ads.example.com:443 would connect through chain out
  because    no rules: the only chain
  way        paris (socks5://10.0.0.1:1080) -> edge (https://edge.example:443) -> ads.example.com:443
  asked for  host ads.example.com, remote_port 443
)");
}

TEST_F(explained, what_a_peer_chose_does_not_drive_the_terminal) {
  add({owned(filter::make("rest", action::direct()), "o\xff")});
  about.exe = "/tmp/\x1b[2J";
  EXPECT_EQ(text().find('\x1b'), std::string::npos);
}

TEST_F(explained, callouts_say_what_they_would_do_and_count_nothing) {
  callouts = {{"few", interceptor::limit_settings{{field_id::uid}, 1}}, {"video", interceptor::tag_settings{"video"}}, {"names", interceptor::sniff_settings{}}};
  for (const auto& one : callouts) add_callout(one.name, interceptor::make_callout(one, nullptr, {}));
  filter::filter names = filter::make("names", action::callout(filter::action_kind::callout_inspection, "names"));
  names.layer = layer_id::stream;
  add({owned(filter::make("limit", action::callout(filter::action_kind::callout_unknown, "few"), 9), "network"),
       owned(filter::make("mark", action::callout(filter::action_kind::callout_inspection, "video"), 8), "network"),
       owned(filter::make("marked", action::chain("out"), 7), "network", {any_of(field_id::tag, {"video"})}), names});
  about.uid = 1000;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answer()["outcome"], "connect");
  EXPECT_EQ(text(), R"(ads.example.com:443 would connect through chain out
  because    "marked" of network: chain:out
  way        paris (socks5://10.0.0.1:1080) -> edge (https://edge.example:443) -> ads.example.com:443
  asked for  host ads.example.com, remote_port 443, uid 1000

connect_redirect_v4: another destination? No filters.

connect_auth_v4: may it connect, and which way?
  SUBLAYER         RESULT   FILTER               ACTION         WHY
  default (32768)  looked   "limit" of network   callout:few    limit: 1 connection at once for each uid
                   looked   "mark" of network    callout:video  tag: video
                   DECIDES  "marked" of network  chain:out

stream: what does the client say first?
  SUBLAYER         RESULT  FILTER   ACTION         WHY
  default (32768)  looked  "names"  callout:names  sniff: waits up to 300 ms for a name in the client's first bytes
)");
  filter::flow connection;
  filter::values uid;
  uid.set(field_id::uid, std::uint64_t{1000});
  filter::metadata real;
  real.flow = &connection;
  held.now().classify(layer_id::connect_auth_v4, uid, real);
  EXPECT_EQ(answer()["reason"], "\"limit\" of network: reject");
  EXPECT_NE(text().find("limit: 1 connection at once for each uid: there is no room now"), std::string::npos) << text();
}

}  // namespace
}  // namespace omnilink::cli
