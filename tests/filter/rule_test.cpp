// `[[rule]]` as filters: which layer, which order, and what a connection gets.
#include "interceptor/filter/rule.hpp"

#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

class rules : public three_sublayers {
 protected:
  void load(std::vector<rule> all) {
    rule_filters made = filters_of(all, "config");
    ASSERT_EQ(made.errors, std::vector<std::string>{});
    add(std::move(made.filters));
  }

  static std::vector<std::string> errors(rule r) {
    return filters_of(std::vector{std::move(r)}, "config").errors;
  }

  std::string ask_for(std::string_view address, std::uint16_t port, layer_id (*layer)(const core::address&)) {
    const core::address to = *core::address::parse(address);
    known.set(field_id::remote_address, to).set(field_id::remote_port, port);
    return in_words(ask(layer(to)));
  }
  std::string auth(std::string_view address, std::uint16_t port) {
    return ask_for(address, port, connect_auth_layer);
  }
  std::string redirect(std::string_view address, std::uint16_t port) {
    return ask_for(address, port, connect_redirect_layer);
  }
};

TEST_F(rules, first_to_last_is_heaviest_to_lightest) {
  load({{"", {{"port", {"25", "465"}}}, "reject"},
        {"", {{"cidr", {"10.0.0.0/8", "2001:db8::/32"}}}, "direct"},
        {"", {}, "chain:out"}});
  EXPECT_EQ(auth("10.0.0.1", 25), "block by rule 1, hard");
  EXPECT_EQ(auth("10.0.0.1", 80), "permit by rule 2, soft, way rule 2");
  EXPECT_EQ(auth("2001:db8::1", 80), "permit by rule 2, soft, way rule 2");
  EXPECT_EQ(auth("192.0.2.1", 80), "permit by rule 3, soft, way rule 3");
  EXPECT_EQ(auth("2001:db9::1", 465), "block by rule 1, hard");
}

TEST_F(rules, a_rewrite_does_not_end_the_search) {
  load({{"to 8080", {{"port", {"80"}}}, "redirect::8080"}, {"rest", {}, "chain:out"}});
  EXPECT_EQ(redirect("192.0.2.1", 80), "permit by to 8080, soft, way to 8080");
  EXPECT_EQ(redirect("192.0.2.1", 443), "none");
  EXPECT_EQ(auth("192.0.2.1", 8080), "permit by rest, soft, way rest");
}

TEST_F(rules, all_keys_must_match_and_one_value_of_each) {
  load({{"curl",
         {{"exe", {"/usr/bin/curl"}}, {"uid", {"1000", "1001"}}, {"host", {"*.example.com"}}},
         "direct"}});
  known.set(field_id::exe, "/usr/bin/curl").set(field_id::uid, 1001).set(field_id::host, "www.example.com");
  EXPECT_EQ(auth("192.0.2.1", 80), "permit by curl, soft, way curl");
  known.set(field_id::uid, 1002);
  EXPECT_EQ(auth("192.0.2.1", 80), "none");
}

TEST_F(rules, a_cgroup_is_a_path_with_all_below_or_a_unit_anywhere) {
  load({{"path", {{"cgroup", {"/system.slice/web.service"}}}, "direct"},
        {"unit", {{"cgroup", {"app.slice"}}}, "block"}});
  const auto decided = [&](std::string_view cgroup) {
    known.set(field_id::cgroup, cgroup);
    return auth("192.0.2.1", 80);
  };
  EXPECT_EQ(decided("/system.slice/web.service"), "permit by path, soft, way path");
  EXPECT_EQ(decided("/system.slice/web.service/worker"), "permit by path, soft, way path");
  EXPECT_EQ(decided("/system.slice/web.service2"), "none");
  EXPECT_EQ(decided("/user.slice/app.slice"), "block by unit, hard");
  EXPECT_EQ(decided("/user.slice/app.slice/firefox.scope"), "block by unit, hard");
  EXPECT_EQ(decided("/user.slice/myapp.slice"), "none");
}

TEST_F(rules, actions) {
  const auto shown = [](std::string_view text) {
    const auto parsed = parse_action(text);
    return std::holds_alternative<action>(parsed) ? to_string(std::get<action>(parsed))
                                                  : std::get<std::string>(parsed);
  };
  for (const char* text :
       {"direct", "permit", "block", "reject", "chain:out", "callout:log", "redirect::8080",
        "redirect:192.0.2.1:", "redirect:[2001:db8::1]:80", "redirect:example.com:8443"}) {
    EXPECT_EQ(shown(text), text);
  }
  EXPECT_EQ(shown("redirect:"), "redirect needs HOST:PORT; an empty part stays as it is: redirect::8080");
  EXPECT_EQ(shown("redirect::"), "redirect must change the host, the port or both");
  EXPECT_EQ(shown("redirect::http"), "redirect: \"http\" is not a port");
  EXPECT_EQ(
      shown("rejekt"),
      "there is no action \"rejekt\"; did you mean \"reject\"? (direct, permit, block, reject, chain:NAME, "
      "redirect:HOST:PORT, callout:NAME)");
}

TEST_F(rules, bad_input_names_the_rule) {
  using lines = std::vector<std::string>;
  EXPECT_EQ(errors({"", {{"prot", {"80"}}}, "direct"}),
            lines{"filter \"rule 1\": there is no match key \"prot\"; did you mean \"port\"?"});
  EXPECT_EQ(errors({"mail", {{"port", {"smtp"}}}, "direct"}),
            lines{"filter \"mail\": port: \"smtp\" is not a number or a range like 8000-8100"});
  EXPECT_EQ(errors({"", {{"port", {"90-80"}}}, "direct"}),
            lines{"filter \"rule 1\": condition on remote_port: 90-80 is an empty range: its end is before "
                  "its beginning"});
  EXPECT_EQ(errors({"", {{"uid", {}}}, "direct"}),
            lines{"filter \"rule 1\": condition on uid: an empty list fits nothing"});
  EXPECT_EQ(errors({"", {}, "chain:"}).size(), 1u);
}

TEST_F(rules, callouts_by_their_kind) {
  const std::vector<known_callout> known{{"limit", action_kind::callout_unknown, false}, {"names", action_kind::callout_inspection, true}};
  const auto made = filters_of(std::vector<rule>{{"", {{"cidr", {"10.0.0.0/8"}}}, "callout:limit"}, {"", {{"cidr", {"10.0.0.0/8", "fd00::/8"}}}, "callout:names"}},
                               "config", known);
  ASSERT_EQ(made.filters.size(), 2u);
  EXPECT_EQ(made.filters[0].layer, layer_id::connect_auth_v4);
  EXPECT_EQ(made.filters[0].action.kind, action_kind::callout_unknown);
  EXPECT_EQ(made.filters[1].layer, layer_id::stream);
  EXPECT_EQ(made.filters[1].action.kind, action_kind::callout_inspection);
  const auto wrong = filters_of(std::vector<rule>{{"a", {}, "callout:limits"}}, "config", known);
  EXPECT_EQ(wrong.errors, std::vector<std::string>{"filter \"a\": there is no callout \"limits\"; did you mean \"limit\"?"});
}

TEST_F(rules, a_list_of_one_family_is_about_that_family_only) {
  const auto made = filters_of(std::vector<rule>{{"", {{"cidr", {"10.0.0.0/8"}}}, "direct"}}, "config");
  ASSERT_EQ(made.filters.size(), 1u);
  EXPECT_EQ(made.filters.front().layer, layer_id::connect_auth_v4);
  EXPECT_EQ(made.filters.front().provider, "config");
}

}  // namespace
}  // namespace omnilink::interceptor::filter
