// Golden cases of arbitration. Each names the page of Microsoft's documentation whose rule it is, in our
// words.
#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

using enum action_kind;
using answer = classify_out::answer;

class golden : public three_sublayers {
 protected:
  static filter callout_filter(std::string name, action_kind kind, std::uint64_t weight,
                               std::string sublayer) {
    return make(name, action::callout(kind, "c"), weight, std::move(sublayer));
  }
};

// "Filter Arbitration", filtering model: within a sublayer, matching filters are asked from the heaviest down
// until one permits or blocks; the others are skipped.
TEST_F(golden, within_a_sublayer_the_heaviest_that_terminates_decides) {
  add({make("light block", action::block(), 1), make("heavy permit", action::permit(), 2)});
  EXPECT_EQ(in_words(ask()), "permit by heavy permit, soft");
}

// "Filter Arbitration", filtering model: only matching filters count.
TEST_F(golden, a_filter_that_does_not_match_is_not_asked) {
  filter other_port = make("other port", action::block(), 2);
  other_port.conditions = {any_of(field_id::remote_port, {"80"})};
  add({other_port, make("everything", action::permit(), 1)});
  known.set(field_id::remote_port, 443);
  EXPECT_EQ(in_words(ask()), "permit by everything, soft");
}

// "Filter Arbitration", filtering model: a callout may answer "continue"; then the next filter is asked.
TEST_F(golden, continue_falls_through_to_the_next_filter) {
  add_callout("c", answers(answer::go_on));
  add({callout_filter("looks", callout_unknown, 2, "default"), make("decides", action::permit(), 1)});
  EXPECT_EQ(in_words(ask()), "permit by decides, soft");
}

// "Filter Arbitration", filtering model: a list that is exhausted leaves no action.
TEST_F(golden, nothing_matched_is_no_decision) {
  EXPECT_EQ(in_words(ask()), "none");
}

// "Filter Arbitration", basic policy: sublayers are evaluated from the highest priority down; block overrides
// permit.
TEST_F(golden, block_of_a_lighter_sublayer_overrides_a_soft_permit) {
  add({make("permit", action::permit(), 1, "heavy"), make("block", action::block(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "block by block, hard");
}

// "Filter Arbitration", basic policy: a filter's block is final.
TEST_F(golden, permit_of_a_lighter_sublayer_does_not_override_a_block) {
  add({make("block", action::block(), 1, "heavy"), make("permit", action::permit(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "block by block, hard");
}

// "Filter Arbitration", table of default behaviour: a filter's permit is soft, a filter's block is hard.
TEST_F(golden, defaults_of_filters_are_soft_permit_and_hard_block) {
  add({make("permit", action::permit())});
  EXPECT_EQ(in_words(ask()), "permit by permit, soft");
  add({make("block", action::block(), 1)});
  EXPECT_EQ(in_words(ask()), "block by block, hard");
}

// "Filter Arbitration", table of default behaviour: a callout's permit and its block are soft.
TEST_F(golden, default_of_a_callouts_permit_is_soft) {
  add_callout("c", answers(answer::permit));
  add({callout_filter("callout", callout_terminating, 1, "default")});
  EXPECT_EQ(in_words(ask()), "permit by callout, soft");
}

TEST_F(golden, default_of_a_callouts_block_is_soft) {
  add_callout("c", answers(answer::block));
  add({callout_filter("callout", callout_terminating, 1, "heavy"),
       make("permit", action::permit(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by permit, soft");
}

// "Filter Arbitration", override table: a soft block can be permitted at another sublayer.
TEST_F(golden, permit_overrides_a_soft_block) {
  add({soft(make("block", action::block(), 1, "heavy")), make("permit", action::permit(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by permit, soft");
}

// "Filter Arbitration", override table: a hard permit can be blocked only by a callout's veto, so not by a
// filter.
TEST_F(golden, a_filters_block_does_not_override_a_hard_permit) {
  add({hard(make("permit", action::permit(), 1, "heavy")), make("block", action::block(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by permit, hard");
}

// "Filter Arbitration": a block returned when the right had been taken away before is a veto, and blocks
// traffic that a hard permit permitted.
TEST_F(golden, a_callouts_block_vetoes_a_hard_permit) {
  add_callout("c", answers(answer::block));
  add({hard(make("permit", action::permit(), 1, "heavy")),
       callout_filter("ids", callout_unknown, 1, "light")});
  EXPECT_EQ(in_words(ask()), "block by ids, hard, veto of permit");
}

// The same page: the right stays away, so nothing overrides a veto.
TEST_F(golden, a_veto_is_not_overridden) {
  add_callout("c", answers(answer::block));
  add({hard(make("permit", action::permit(), 1, "heavy")),
       callout_filter("ids", callout_unknown, 1, "default"),
       hard(make("late permit", action::permit(), 1, "light"))});
  EXPECT_EQ(in_words(ask()), "block by ids, hard, veto of permit");
}

// The same page: to override silently, a firewall adds its filters in a heavier sublayer than the hard
// permit's.
TEST_F(golden, a_block_above_a_hard_permit_stands) {
  add({make("firewall", action::block(), 1, "heavy"), hard(make("permit", action::permit(), 1, "light"))});
  EXPECT_EQ(in_words(ask()), "block by firewall, hard");
}

// "Filter Arbitration": all sublayers are evaluated even when a heavier one has decided to block.
TEST_F(golden, every_sublayer_is_asked_after_a_hard_block) {
  const auto looks = answers(answer::go_on);
  add_callout("c", looks);
  add({make("block", action::block(), 1, "heavy"), callout_filter("ids", callout_inspection, 1, "light")});
  EXPECT_EQ(in_words(ask()), "block by block, hard");
  EXPECT_EQ(looks->asked_for, std::vector<std::string>{"ids"});
  EXPECT_EQ(looks->rights, std::vector<bool>{false});
}

// "Filter Arbitration": within its sublayer a filter is bypassed if a heavier one has permitted or blocked.
TEST_F(golden, a_callout_behind_a_terminating_filter_of_its_sublayer_is_bypassed) {
  const auto looks = answers(answer::go_on);
  add_callout("c", looks);
  add({make("permit", action::permit(), 2), callout_filter("ids", callout_inspection, 1, "default")});
  ask();
  EXPECT_TRUE(looks->asked_for.empty());
}

// "FWPS_CLASSIFY_OUT0": a callout clears the right together with its decision to make that final.
TEST_F(golden, a_callout_makes_its_block_hard_by_clearing_the_right) {
  add_callout("c", answers(answer::block, true));
  add({callout_filter("callout", callout_unknown, 1, "heavy"), make("permit", action::permit(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "block by callout, hard");
}

TEST_F(golden, a_callout_makes_its_permit_hard_by_clearing_the_right) {
  add_callout("c", answers(answer::permit, true));
  add({callout_filter("callout", callout_unknown, 1, "heavy"), make("block", action::block(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by callout, hard");
}

// "FWPS_FILTER0": with CLEAR_ACTION_RIGHT a callout always clears the right when it permits or blocks.
TEST_F(golden, clear_action_right_makes_a_callouts_permit_hard) {
  add_callout("c", answers(answer::permit));
  add({hard(callout_filter("callout", callout_unknown, 1, "heavy")),
       make("block", action::block(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by callout, hard");
}

// "FWPS_CLASSIFY_OUT0": without the right a callout writes nothing but a veto, so its permit of what is
// blocked is void.
TEST_F(golden, a_callouts_permit_without_the_right_is_ignored) {
  add_callout("c", answers(answer::permit));
  add({make("block", action::block(), 1, "heavy"), callout_filter("callout", callout_unknown, 1, "light")});
  EXPECT_EQ(in_words(ask()), "block by block, hard");
}

// "Using a Callout for Deep Inspection": a callout that finds itself without the right may return without an
// action; the decision stands.
TEST_F(golden, a_terminating_callout_that_says_nothing_without_the_right_has_no_opinion) {
  add_callout("c", answers(answer::none));
  add({hard(make("permit", action::permit(), 1, "heavy")),
       callout_filter("callout", callout_terminating, 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by permit, hard");
}

// "FWPS_ACTION0": a terminating callout must permit or block; anything else counts as block.
TEST_F(golden, a_terminating_callout_that_goes_on_blocks) {
  add_callout("c", answers(answer::go_on));
  add({callout_filter("callout", callout_terminating, 2, "default"), make("permit", action::permit(), 1)});
  EXPECT_EQ(in_words(ask()), "block by callout, soft");
}

// "FWPS_ACTION0": an inspection callout must go on; anything else counts as that.
TEST_F(golden, an_inspection_callout_cannot_block) {
  add_callout("c", answers(answer::block));
  add({callout_filter("callout", callout_inspection, 2, "default"), make("permit", action::permit(), 1)});
  EXPECT_EQ(in_words(ask()), "permit by permit, soft");
}

// "FWPS_ACTION0": an unknown callout may do all three.
TEST_F(golden, an_unknown_callout_may_block) {
  add_callout("c", answers(answer::block));
  add({callout_filter("callout", callout_unknown, 2, "default"), make("permit", action::permit(), 1)});
  EXPECT_EQ(in_words(ask()), "block by callout, soft");
}

// "FwpsCalloutUnregisterById0": after unregistering, terminating and unknown filters count as block, and so
// hard.
TEST_F(golden, filters_of_an_unregistered_callout_block) {
  for (const action_kind kind : {callout_terminating, callout_unknown}) {
    engine fresh;
    transaction t = fresh.begin();
    t.add_callout("c");
    ASSERT_EQ(fresh.register_callout("c", answers(answer::permit)), "");
    t.add(callout_filter("callout", kind, 1, "default"));
    ASSERT_TRUE(fresh.commit(std::move(t)).empty());
    ASSERT_EQ(fresh.unregister_callout("c"), engine::unregistered::done);
    EXPECT_EQ(in_words(fresh.current()->classify(layer_id::connect_auth_v4, known, about)),
              "block by callout, hard");
  }
}

// The same page: inspection filters are ignored then.
TEST_F(golden, an_inspection_filter_of_an_unregistered_callout_is_ignored) {
  add_callout("c", answers(answer::block));
  add({callout_filter("callout", callout_inspection, 2, "default"), make("permit", action::permit(), 1)});
  ASSERT_EQ(filters.unregister_callout("c"), engine::unregistered::done);
  EXPECT_EQ(in_words(ask()), "permit by permit, soft");
}

// The same page: it is a filter's block then, and no callout's, so it is not a veto ("Filter Arbitration").
TEST_F(golden, the_block_of_an_unregistered_callout_is_no_veto) {
  add_callout("c", answers(answer::block));
  add({hard(make("permit", action::permit(), 1, "heavy")),
       callout_filter("callout", callout_unknown, 1, "light")});
  ASSERT_EQ(filters.unregister_callout("c"), engine::unregistered::done);
  EXPECT_EQ(in_words(ask()), "permit by permit, hard");
}

// "FWPM_FILTER0", FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED: the filter counts as a permit then.
TEST_F(golden, permit_if_callout_unregistered) {
  transaction t = filters.begin();
  t.add_callout("c");
  filter f = callout_filter("callout", callout_terminating, 1, "default");
  f.permit_if_unregistered = true;
  t.add(f);
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "permit by callout, soft");
  ASSERT_EQ(filters.register_callout("c", answers(answer::block)), "");
  EXPECT_EQ(in_words(ask()), "block by callout, soft");
}

// "Filter Weight Assignment": an exact weight is used as it is; an empty one is made in [0, 2^60); a range
// identifier becomes the four highest bits.
TEST_F(golden, weights_are_exact_or_made_in_a_range) {
  filter f = make("f", action::permit());
  f.conditions = {any_of(field_id::remote_port, {"443"}), any_of(field_id::remote_address, {"192.0.2.0/24"})};
  EXPECT_EQ(f.effective_weight(), 0u);
  f.weight = weight::automatic();
  EXPECT_GT(f.effective_weight(), 0u);
  EXPECT_LT(f.effective_weight(), std::uint64_t{1} << 60);
  const std::uint64_t low = f.effective_weight();
  f.weight = weight::automatic(15);
  EXPECT_EQ(f.effective_weight(), low | std::uint64_t{15} << 60);
}

// "Filter Weight Assignment" leaves open how; ours: the more a filter fixes, the heavier.
TEST_F(golden, an_automatic_weight_grows_with_what_is_fixed) {
  auto with = [](std::vector<condition> all) {
    filter f = make("f", action::permit());
    f.weight = weight::automatic();
    f.conditions = std::move(all);
    return f.effective_weight();
  };
  const auto network = any_of(field_id::remote_address, {"10.0.0.0/8"});
  const auto host = any_of(field_id::remote_address, {"10.1.2.3"});
  const auto port = any_of(field_id::remote_port, {"443"});
  EXPECT_LT(with({}), with({network}));
  EXPECT_LT(with({network}), with({host}));
  EXPECT_LT(with({host}), with({host, port}));
  EXPECT_LT(with({any_of(field_id::remote_port, {"1-1024"})}), with({port}));
  EXPECT_LT(with({any_of(field_id::remote_port, {"443", "1-1024"})}), with({port}));
}

// omnilink's own: chain and direct are permits with a way. The heaviest permit that names one gives it, also
// to a heavier permit that does not, so that who allows and who routes may be different owners.
TEST_F(golden, the_heaviest_permit_that_names_a_way_gives_it) {
  add({make("allow", action::permit(), 1, "heavy"), make("route", action::chain("out"), 1, "default"),
       make("other route", action::direct(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by allow, soft, way route");
}

TEST_F(golden, a_hard_permit_without_a_way_still_takes_one) {
  add({hard(make("allow", action::permit(), 1, "heavy")), make("route", action::chain("out"), 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by allow, hard, way route");
}

TEST_F(golden, a_way_goes_with_the_permit_that_was_blocked) {
  add({make("route", action::chain("out"), 1, "heavy"), soft(make("block", action::block(), 1, "default")),
       make("allow", action::permit(), 1, "light")});
  EXPECT_EQ(in_words(ask()), "permit by allow, soft");
}

TEST_F(golden, a_later_hard_permit_hardens_a_soft_one) {
  transaction t = filters.begin();
  t.add(sublayer{"lightest", 1, {}});
  t.add(make("soft", action::chain("out"), 1, "heavy"));
  t.add(hard(make("hard", action::permit(), 1, "default")));
  t.add(make("block", action::block(), 1, "lightest"));
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "permit by soft, hard, way soft");
}

// "Using Bind or Connect Redirection": only redirect layers change a destination; the decision of one layer
// is not the other's ("Filter Arbitration": there is no arbitration across layers).
TEST_F(golden, a_redirect_is_the_way_of_its_own_layer) {
  filter redirect = make("rewrite", action::redirect({{}, {}, 8080}));
  redirect.layer = layer_id::connect_redirect_v4;
  add({redirect, make("block", action::block())});
  EXPECT_EQ(in_words(ask(layer_id::connect_redirect_v4)), "permit by rewrite, soft, way rewrite");
  EXPECT_EQ(in_words(ask()), "block by block, hard");
}

}  // namespace
}  // namespace omnilink::interceptor::filter
