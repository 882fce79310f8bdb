// Transactions: whole or not at all; and what survives them.
#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

using lines = std::vector<std::string>;

class transactions : public three_sublayers {};

TEST_F(transactions, nothing_is_seen_before_the_commit) {
  transaction t = filters.begin();
  t.add(make("block", action::block()));
  EXPECT_EQ(in_words(ask()), "none");
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "block by block, hard");
}

TEST_F(transactions, an_abandoned_one_leaves_nothing) {
  {
    transaction t = filters.begin();
    t.add(make("block", action::block()));
  }
  EXPECT_EQ(in_words(ask()), "none");
  EXPECT_TRUE(filters.defined().filters.empty());
}

TEST_F(transactions, one_with_an_error_changes_nothing_and_says_every_error) {
  add({make("old", action::permit())});
  transaction t = filters.begin();
  t.remove_provider("");
  t.add(make("good", action::block()));
  t.add(make("bad", action::chain("")));
  t.add(make("worse", action::permit(), 1, "heavi"));
  EXPECT_EQ(filters.commit(std::move(t)),
            (lines{"filter \"bad\": chain needs a name",
                   "filter \"worse\": there is no sublayer \"heavi\"; did you mean \"heavy\"?"}));
  EXPECT_EQ(in_words(ask()), "permit by old, soft");
}

TEST_F(transactions, one_that_began_before_anothers_commit_is_refused) {
  transaction first = filters.begin(), second = filters.begin();
  first.add(make("first", action::permit()));
  second.add(make("second", action::permit()));
  commit(std::move(first));
  EXPECT_EQ(filters.commit(std::move(second)).size(), 1u);
  EXPECT_EQ(in_words(ask()), "permit by first, soft");
}

TEST_F(transactions, filters_are_removed_disabled_and_enabled_by_id) {
  transaction t = filters.begin();
  const filter_id id = t.add(make("block", action::block()));
  commit(std::move(t));
  t = filters.begin();
  t.set_enabled(id, false);
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "none");
  t = filters.begin();
  t.set_enabled(id, true);
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "block by block, hard");
  t = filters.begin();
  t.remove(id);
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "none");
  t = filters.begin();
  t.remove(id);
  t.set_enabled(id, true);
  EXPECT_EQ(filters.commit(std::move(t)).size(), 2u);
}

TEST_F(transactions, hits_are_counted_and_survive_recompiling_and_replacing) {
  filter f = make("f", action::permit());
  f.id = 7;
  add({f});
  about.now = core::instant{std::chrono::seconds{5}};
  ask();
  ask();
  transaction t = filters.begin();
  t.add(make("other", action::permit(), 0, "default"));
  t.remove(7);
  f.name = "f again";
  t.add(f);
  commit(std::move(t));
  ask();
  EXPECT_EQ(filters.counters_of(7)->hits(), 3u);
  EXPECT_EQ(filters.counters_of(7)->last_hit(), about.now);
  EXPECT_EQ(filters.counters_of(8), nullptr);
}

TEST_F(transactions, what_is_read_again_keeps_its_id_and_hits) {
  const auto load = [&](std::vector<std::string> names) {
    transaction t = filters.begin();
    t.remove_provider("");
    std::vector<filter_id> ids;
    for (const std::string& name : names) {
      filter f = make(name, action::permit(), ids.size());
      ids.push_back(t.add(std::move(f)));
    }
    commit(std::move(t));
    return ids;
  };
  const auto first = load({"a", "b"});
  ask();  // meets b, the heavier one
  const auto second = load({"new", "b", "a", "b"});
  EXPECT_EQ(second[1], first[1]);
  EXPECT_EQ(second[2], first[0]);
  EXPECT_EQ(std::set<filter_id>(second.begin(), second.end()).size(), 4u) << "an id is taken over once";
  EXPECT_EQ(filters.counters_of(second[1])->hits(), 1u);
  EXPECT_EQ(filters.counters_of(second[3])->hits(), 0u);
}

TEST_F(transactions, hits_of_a_disabled_filter_stay) {
  filter f = make("f", action::permit());
  f.id = 7;
  add({f});
  ask();
  transaction t = filters.begin();
  t.set_enabled(7, false);
  commit(std::move(t));
  ask();
  EXPECT_EQ(filters.counters_of(7)->hits(), 1u);
}

TEST_F(transactions, an_owner_is_removed_with_all_it_owns) {
  transaction t = filters.begin();
  t.add(sublayer{"theirs", 0xff00, "them"});
  t.add_callout("their callout", "them");
  filter f = make("theirs", action::block(), 1, "theirs");
  f.provider = "them";
  t.add(f);
  t.add(make("ours", action::permit()));
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "block by theirs, hard");
  t = filters.begin();
  EXPECT_EQ(t.remove_provider("them"), 1u);
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "permit by ours, soft");
  EXPECT_EQ(filters.state_of("their callout"), callout_state::absent);
  EXPECT_FALSE(filters.defined().sublayers.contains("theirs"));
}

TEST_F(transactions, a_sublayer_with_filters_is_not_removed_and_the_default_never) {
  add({make("f", action::permit(), 1, "heavy")});
  transaction t = filters.begin();
  t.remove_sublayer("heavy");
  EXPECT_EQ(filters.commit(std::move(t)).size(), 1u);
  t = filters.begin();
  t.remove_sublayer("default");
  EXPECT_EQ(filters.commit(std::move(t)), lines{"sublayer \"default\": it is always there"});
}

TEST_F(transactions, a_sublayer_that_did_not_change_keeps_what_was_compiled) {
  add({make("f", action::permit(), 1, "heavy"), make("g", action::permit(), 1, "light")});
  const auto before = filters.current();
  add({make("h", action::permit(), 2, "light")});
  const auto after = filters.current();
  const auto& was = before->at(layer_id::connect_auth_v4);
  const auto& is = after->at(layer_id::connect_auth_v4);
  EXPECT_EQ(was[0].filters, is[0].filters);
  EXPECT_NE(was[1].filters, is[1].filters);
}

TEST_F(transactions, a_held_policy_answers_as_before) {
  add({make("old", action::permit())});
  const auto before = filters.current();
  transaction t = filters.begin();
  t.remove_provider("");
  commit(std::move(t));
  EXPECT_EQ(in_words(before->classify(layer_id::connect_auth_v4, known, about)), "permit by old, soft");
  EXPECT_EQ(in_words(ask()), "none");
}

TEST_F(transactions, equal_weights_are_asked_in_the_order_of_ids_and_names) {
  transaction t = filters.begin();
  filter second = make("second", action::block()), first = make("first", action::permit());
  second.id = 2;
  first.id = 1;
  t.add(second);
  t.add(first);
  commit(std::move(t));
  EXPECT_EQ(in_words(ask()), "permit by first, soft");
}

TEST_F(transactions, loading_many_filters_tells_its_progress) {
  transaction t = filters.begin();
  for (int i = 0; i < 20'000; ++i) {
    filter f = make("f" + std::to_string(i), action::permit());
    f.conditions = {any_of(field_id::host, {"h" + std::to_string(i) + ".example"})};
    t.add(std::move(f));
  }
  std::vector<std::size_t> steps;
  EXPECT_TRUE(filters
                  .commit(std::move(t),
                          [&](std::size_t done, std::size_t total) {
                            EXPECT_EQ(total, 40'000u);
                            EXPECT_TRUE(steps.empty() || steps.back() < done);
                            steps.push_back(done);
                          })
                  .empty());
  EXPECT_GE(steps.size(), 3u);
  EXPECT_EQ(steps.back(), 40'000u);
}

}  // namespace
}  // namespace omnilink::interceptor::filter
