// The text of explain: three owners that disagree, and every filter's fate.
#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

class explained : public three_sublayers {
 protected:
  std::string explain(layer_id at = layer_id::connect_auth_v4) {
    const auto policy = filters.current();
    const trace t = policy->explain(at, known, about);
    std::string out;
    for (const trace::asked& s : t.sublayers) {
      out += s.sublayer + " (" + std::to_string(s.weight) + ")\n";
      for (const trace::entry& e : s.entries) out += "  " + e.which->name + ": " + to_string(e) + "\n";
    }
    return out + in_words(t.decision);
  }

  static filter owned(filter f, std::string owner) {
    f.provider = std::move(owner);
    return f;
  }
};

TEST_F(explained, three_owners_that_disagree) {
  known.set(field_id::host, "ads.example.com")
      .set(field_id::remote_port, 443)
      .set(field_id::exe, "/usr/bin/curl");
  filter block = owned(make("block list", action::block(), 5, "light"), "security");
  block.conditions = {any_of(field_id::host, {"*.ads.example", "ads.example.com"})};
  filter web = owned(make("web", action::chain("out"), 9), "network");
  web.conditions = {any_of(field_id::remote_port, {"80", "443"})};
  filter ssh = owned(make("ssh", action::direct(), 10), "network");
  ssh.conditions = {any_of(field_id::remote_port, {"22"})};
  add({owned(make("all programs", action::permit(), 1, "heavy"), "ops"), web, ssh,
       owned(make("rest", action::block(), 1), "network"), block,
       owned(make("rest", action::permit(), 1, "light"), "security")});
  EXPECT_EQ(explain(),
            "heavy (61440)\n"
            "  all programs: lost: overridden by \"block list\" of security\n"
            "default (32768)\n"
            "  ssh: no: remote_port is 22: it is 443\n"
            "  web: lost: overridden by \"block list\" of security\n"
            "  rest: not reached: \"web\" of network had ended the search\n"
            "light (256)\n"
            "  block list: decides: reject\n"
            "  rest: not reached: \"block list\" of security had ended the search\n"
            "block by block list, hard");
}

TEST_F(explained, a_hard_permit_that_a_filter_could_not_block_and_a_callout_could) {
  add_callout("ids", answers(classify_out::answer::block));
  add({hard(make("admin", action::direct(), 1, "heavy")), make("firewall", action::block())});
  EXPECT_EQ(explain(),
            "heavy (61440)\n"
            "  admin: decides: direct\n"
            "default (32768)\n"
            "  firewall: lost: \"admin\" had decided for good\n"
            "permit by admin, hard, way admin");
  add({make("ids", action::callout(action_kind::callout_unknown, "ids"), 1, "light")});
  EXPECT_EQ(explain(),
            "heavy (61440)\n"
            "  admin: lost: overridden by \"ids\"\n"
            "default (32768)\n"
            "  firewall: lost: \"admin\" had decided for good\n"
            "light (256)\n"
            "  ids: decides: callout:ids\n"
            "block by ids, hard, veto of admin");
}

TEST_F(explained, unknown_fields_and_callouts_that_look) {
  add_callout("log", answers(classify_out::answer::go_on));
  filter uid = make("root", action::direct(), 3);
  uid.conditions = {any_of(field_id::uid, {"0"})};
  add({make("log", action::callout(action_kind::callout_inspection, "log"), 2), uid,
       make("rest", action::chain("out"), 1)});
  EXPECT_EQ(explain(),
            "default (32768)\n"
            "  root: no: uid is 0: it is unknown\n"
            "  log: looked and went on: callout:log\n"
            "  rest: decides: chain:out\n"
            "permit by rest, soft, way rest");
}

TEST_F(explained, a_callout_that_fails_ends_everything) {
  add_callout("bad",
              std::make_shared<scripted>([](const metadata&, std::uint64_t, classify_out&) { throw 1; }));
  add({make("permit", action::permit(), 1, "heavy"),
       make("bad", action::callout(action_kind::callout_inspection, "bad")),
       make("never", action::permit(), 1, "light")});
  EXPECT_EQ(explain(),
            "heavy (61440)\n"
            "  permit: lost: overridden by \"bad\"\n"
            "default (32768)\n"
            "  bad: ends the connection: its callout failed\n"
            "failed by bad, soft");
}

TEST_F(explained, a_rewrite_at_its_layer) {
  filter f = make("to 8080", action::redirect({{}, {}, 8080}));
  f.layer = layer_id::connect_redirect_v4;
  f.conditions = {any_of(field_id::remote_port, {"80"})};
  add({f});
  known.set(field_id::remote_port, 80);
  EXPECT_EQ(explain(layer_id::connect_redirect_v4),
            "default (32768)\n"
            "  to 8080: decides: redirect::8080\n"
            "permit by to 8080, soft, way to 8080");
}

}  // namespace
}  // namespace omnilink::interceptor::filter
