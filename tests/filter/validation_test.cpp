// Bad input: one line with the filter's name, what is wrong and what helps; and the old set stays in force.
#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

class validation : public three_sublayers {
 protected:
  validation() { add({make("old", action::permit())}); }

  /// What commit says to this one filter; checks that the old set stays.
  std::string refusal(filter f) {
    transaction t = filters.begin();
    t.remove_provider("");
    t.add(std::move(f));
    const auto lines = filters.commit(std::move(t));
    EXPECT_EQ(in_words(ask()), "permit by old, soft");
    EXPECT_EQ(lines.size(), 1u);
    return lines.empty() ? "" : lines.front();
  }

  static filter with(condition c, layer_id at = layer_id::connect_auth_v4) {
    filter out = make("f", action::block());
    out.layer = at;
    out.conditions = {std::move(c)};
    return out;
  }
};

TEST_F(validation, a_field_that_the_layer_does_not_have) {
  EXPECT_EQ(refusal(with(any_of(field_id::host, {"example.com"}), layer_id::accept_v4)),
            "filter \"f\": condition on host: layer accept_v4 does not know this field");
}

TEST_F(validation, a_pattern_of_the_wrong_type) {
  EXPECT_EQ(refusal(with({field_id::remote_port, false, {text_pattern{text_pattern::kind::exact, "http"}}})),
            "filter \"f\": condition on remote_port: http is of the wrong type: the field takes numbers");
}

TEST_F(validation, an_empty_range) {
  EXPECT_EQ(
      refusal(with({field_id::remote_port, false, {number_range{90, 80}}})),
      "filter \"f\": condition on remote_port: 90-80 is an empty range: its end is before its beginning");
  EXPECT_EQ(refusal(with(any_of(field_id::remote_address, {"10.0.0.9-10.0.0.1"}))),
            "filter \"f\": condition on remote_address: 10.0.0.9-10.0.0.1 is an empty range: its end is "
            "before its beginning");
}

TEST_F(validation, a_number_that_the_field_never_has) {
  EXPECT_EQ(refusal(with(any_of(field_id::remote_port, {"70000"}))),
            "filter \"f\": condition on remote_port: 70000 is too large: at most 65535");
}

TEST_F(validation, an_empty_list) {
  EXPECT_EQ(refusal(with({field_id::uid, false, {}})),
            "filter \"f\": condition on uid: an empty list fits nothing");
}

TEST_F(validation, an_address_of_the_other_family) {
  EXPECT_EQ(refusal(with(any_of(field_id::remote_address, {"2001:db8::/32"}))),
            "filter \"f\": condition on remote_address: 2001:db8::/32 can never be met at layer "
            "connect_auth_v4, whose "
            "addresses are of the other family");
}

TEST_F(validation, overlapping_ids) {
  filter first = make("first", action::permit()), second = make("second", action::permit());
  first.id = second.id = 5;
  transaction t = filters.begin();
  t.add(first);
  t.add(second);
  EXPECT_EQ(filters.commit(std::move(t)),
            std::vector<std::string>{"filter \"second\": its id 5 is filter \"first\"'s already"});
  filter given = make("f", action::permit());
  given.id = first_given_id;
  EXPECT_EQ(refusal(given),
            "filter \"f\": ids from 4294967296 on are given by the engine; choose a lower one or none");
}

TEST_F(validation, a_rewrite_at_an_auth_layer) {
  EXPECT_EQ(
      refusal(make("f", action::redirect({{}, {}, 8080}))),
      "filter \"f\": layer connect_auth_v4 may not change a destination: a decision about one destination "
      "would carry "
      "over to another; redirect belongs to connect_redirect_v4 and connect_redirect_v6, which come first");
}

TEST_F(validation, a_chain_outside_of_the_auth_layers) {
  filter f = make("f", action::chain("out"));
  f.layer = layer_id::connect_redirect_v4;
  EXPECT_EQ(
      refusal(f),
      "filter \"f\": layer connect_redirect_v4 does not choose the way: chain belongs to connect_auth_v4 and "
      "connect_auth_v6");
}

TEST_F(validation, a_decision_where_a_layer_only_looks) {
  filter f = make("f", action::block());
  f.layer = layer_id::flow_established;
  EXPECT_EQ(refusal(f),
            "filter \"f\": layer flow_established only looks: its one action is callout_inspection; block "
            "and permit belong "
            "to connect_auth or accept");
}

TEST_F(validation, a_terminating_callout_without_registration) {
  transaction t = filters.begin();
  t.add_callout("scan", "tests");
  commit(std::move(t));
  const filter f = make("f", action::callout(action_kind::callout_terminating, "scan"));
  EXPECT_EQ(refusal(f),
            "filter \"f\": callout \"scan\" is not registered, so that this filter would block whatever it "
            "matches; register "
            "it first, or set permit_if_unregistered");
  EXPECT_EQ(refusal(make("f", action::callout(action_kind::callout_terminating, "scam"))),
            "filter \"f\": there is no callout \"scam\"; did you mean \"scan\"?");
}

TEST_F(validation, one_that_was_unregistered_later_does_not_hold_up_other_changes) {
  add_callout("scan", answers(classify_out::answer::permit));
  add({make("f", action::callout(action_kind::callout_terminating, "scan"), 0, "light")});
  ASSERT_EQ(filters.unregister_callout("scan"), engine::unregistered::done);
  add({make("g", action::permit(), 9)});
}

TEST_F(validation, flags_that_mean_nothing) {
  filter f = make("f", action::permit());
  f.permit_if_unregistered = true;
  EXPECT_EQ(refusal(f),
            "filter \"f\": permit_if_unregistered is for callout_terminating and callout_unknown only");
  EXPECT_EQ(refusal(soft(make("f", action::callout(action_kind::callout_unknown, "c")))),
            "filter \"f\": a callout says itself whether its decision may be overridden; \"keep\" is for "
            "permit and block");
}

TEST_F(validation, a_negation_beside_another_condition_on_its_field) {
  filter f = with(none_of(field_id::remote_port, {"80"}));
  f.conditions.push_back(any_of(field_id::remote_port, {"443"}));
  EXPECT_EQ(refusal(f),
            "filter \"f\": conditions on one field are or-ed, so \"not\" beside another condition on "
            "remote_port would let "
            "nearly everything in; put what is excluded into one list");
}

TEST_F(validation, redirects_and_answers) {
  filter f = make("f", action::redirect({}));
  f.layer = layer_id::connect_redirect_v4;
  EXPECT_EQ(
      refusal(f),
      "filter \"f\": redirect must change the host, the port or both: redirect:HOST:PORT, redirect::8080");
  f.action.to.name = "no host";
  EXPECT_EQ(refusal(f), "filter \"f\": redirect: \"no host\" is not a host name");
  EXPECT_EQ(refusal(make("f", action::block({block_answer::how::icmp, 16}))),
            "filter \"f\": reject: an ICMP code is 0 to 15");
}

TEST_F(validation, names) {
  EXPECT_EQ(refusal(make("", action::permit())), "filter \"\": it needs a name");
  EXPECT_EQ(refusal(with({field_id::host, false, {text_pattern{text_pattern::kind::exact, "no host"}}})),
            "filter \"f\": condition on host: \"no host\" is not a host name");
}

TEST_F(validation, not_more_lines_than_anybody_reads) {
  transaction t = filters.begin();
  for (int i = 0; i < 100; ++i) t.add(make("f", action::chain("")));
  EXPECT_EQ(filters.commit(std::move(t)).size(), engine::errors_max);
}

}  // namespace
}  // namespace omnilink::interceptor::filter
