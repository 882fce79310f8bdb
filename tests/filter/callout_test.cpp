// Callouts: their states, what they are told, their contexts, and what becomes of one that misbehaves.
#include <stdexcept>

#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

using enum action_kind;
using answer = classify_out::answer;
using told = std::vector<std::string>;

class callouts : public three_sublayers {
 protected:
  static filter inspect(std::string name) {
    return make(std::move(name), action::callout(callout_inspection, "c"));
  }
};

std::shared_ptr<scripted> keeps(std::uint64_t context) {
  return std::make_shared<scripted>(
      [=](const metadata&, std::uint64_t, classify_out& out) { out.associate = context; });
}

TEST_F(callouts, replaced_code_gets_back_what_flows_hold_of_it) {
  const auto keeps = [](std::uint64_t what) {
    return std::make_shared<scripted>([what](const metadata&, std::uint64_t, classify_out& out) { out.associate = what; });
  };
  auto first = keeps(7), second = keeps(8);
  add_callout("c", first);
  add({make("f", action::callout(action_kind::callout_inspection, "c"))});
  flow old, both;
  for (flow* one : {&old, &both}) {
    about.flow = one;
    ask();
  }
  EXPECT_EQ(filters.replace_callout("c", second), "");
  EXPECT_EQ(filters.code_of("c"), second);
  ask();
  EXPECT_EQ(first->asked_for.size(), 2u) << "no new calls";
  both.end();
  old.end();
  EXPECT_EQ(first->given_back, (std::vector<std::uint64_t>{7, 7}));
  EXPECT_EQ(second->given_back, std::vector<std::uint64_t>{8});
  EXPECT_EQ(filters.replace_callout("c", keeps(9)), "");
  EXPECT_EQ(first.use_count(), 1) << "the engine let it go";
  EXPECT_EQ(filters.replace_callout("", keeps(9)), "callout \"\": a name has 1 to 255 bytes");
  EXPECT_EQ(filters.unnamed_callouts(), std::vector<std::string>{});
}

TEST_F(callouts, states_from_absent_to_ready_and_back) {
  EXPECT_EQ(filters.state_of("c"), callout_state::absent);
  ASSERT_EQ(filters.register_callout("c", answers(answer::go_on)), "");
  EXPECT_EQ(filters.state_of("c"), callout_state::registered);
  transaction t = filters.begin();
  t.add_callout("c");
  commit(std::move(t));
  EXPECT_EQ(filters.state_of("c"), callout_state::ready);
  EXPECT_EQ(filters.unregister_callout("c"), engine::unregistered::done);
  EXPECT_EQ(filters.state_of("c"), callout_state::added);
  t = filters.begin();
  t.remove_callout("c");
  commit(std::move(t));
  EXPECT_EQ(filters.state_of("c"), callout_state::absent);
  EXPECT_EQ(filters.unregister_callout("c"), engine::unregistered::not_found);
}

TEST_F(callouts, registering_twice_is_refused) {
  ASSERT_EQ(filters.register_callout("c", answers(answer::go_on)), "");
  EXPECT_EQ(filters.register_callout("c", answers(answer::go_on)), "callout \"c\": it is registered already");
}

TEST_F(callouts, a_filter_may_not_name_one_that_was_not_added) {
  ASSERT_EQ(filters.register_callout("c", answers(answer::go_on)), "");
  transaction t = filters.begin();
  t.add(inspect("f"));
  EXPECT_EQ(filters.commit(std::move(t)), told{"filter \"f\": there is no callout \"c\""});
}

TEST_F(callouts, one_that_filters_name_is_not_removed) {
  add_callout("c", answers(answer::go_on));
  add({inspect("f")});
  transaction t = filters.begin();
  t.remove_callout("c");
  EXPECT_EQ(filters.commit(std::move(t)), told{"filter \"f\": there is no callout \"c\""});
}

TEST_F(callouts, code_is_let_go_when_unregistered) {
  auto code = answers(answer::go_on);
  const std::weak_ptr<callout> seen = code;
  add_callout("c", std::move(code));
  ASSERT_EQ(filters.unregister_callout("c"), engine::unregistered::done);
  EXPECT_TRUE(seen.expired());
}

TEST_F(callouts, unregistering_waits_for_the_contexts_of_flows) {
  const auto code = keeps(7);
  add_callout("c", code);
  add({inspect("f")});
  flow connection;
  about.flow = &connection;
  ask();
  EXPECT_EQ(filters.unregister_callout("c"), engine::unregistered::busy);
  EXPECT_EQ(filters.state_of("c"), callout_state::unregistering);
  EXPECT_NE(filters.register_callout("c", answers(answer::go_on)), "");
  ask();
  EXPECT_EQ(code->asked_for.size(), 1u) << "no new calls while unregistering";
  connection.end();
  EXPECT_EQ(code->given_back, std::vector<std::uint64_t>{7});
  EXPECT_EQ(filters.unregister_callout("c"), engine::unregistered::done);
  EXPECT_EQ(filters.register_callout("c", answers(answer::go_on)), "");
}

TEST_F(callouts, a_running_call_keeps_the_code_registered) {
  engine::unregistered during{};
  add_callout("c", std::make_shared<scripted>([&](const metadata&, std::uint64_t, classify_out&) {
                during = filters.unregister_callout("c");
              }));
  add({inspect("f")});
  ask();
  EXPECT_EQ(during, engine::unregistered::busy);
  EXPECT_EQ(filters.unregister_callout("c"), engine::unregistered::done);
}

TEST_F(callouts, a_context_that_comes_while_unregistering_is_given_back_at_once) {
  std::shared_ptr<scripted> code;
  code = std::make_shared<scripted>([&](const metadata&, std::uint64_t, classify_out& out) {
    filters.unregister_callout("c");
    out.associate = 9;
  });
  add_callout("c", code);
  add({inspect("f")});
  flow connection;
  about.flow = &connection;
  ask();
  EXPECT_EQ(code->given_back, std::vector<std::uint64_t>{9});
  EXPECT_EQ(filters.unregister_callout("c"), engine::unregistered::done);
}

TEST_F(callouts, context_is_per_flow_and_layer) {
  std::vector<std::uint64_t> seen;
  add_callout("c", std::make_shared<scripted>([&](const metadata&, std::uint64_t context, classify_out& out) {
                seen.push_back(context);
                if (context == 0) out.associate = 10 + seen.size();
              }));
  filter at_stream = inspect("stream");
  at_stream.layer = layer_id::stream;
  add({inspect("auth"), at_stream});
  flow one, two;
  for (flow* connection : {&one, &one, &two}) {
    about.flow = connection;
    ask();
  }
  ask(layer_id::stream);
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{0, 11, 0, 0}));
}

// "FWPS_CALLOUT_FLOW_DELETE_NOTIFY_FN0": called when the flow ends, only if a context was associated.
TEST_F(callouts, flow_delete_if_and_only_if_a_context_was_associated) {
  const auto with = keeps(3);
  const auto without = answers(answer::go_on);
  add_callout("c", with);
  add_callout("other", without);
  add({inspect("f"), make("g", action::callout(callout_inspection, "other"))});
  {
    flow connection;
    about.flow = &connection;
    ask();
    EXPECT_TRUE(with->given_back.empty());
  }
  about.flow = nullptr;
  EXPECT_EQ(with->given_back, std::vector<std::uint64_t>{3});
  EXPECT_TRUE(without->given_back.empty());
}

TEST_F(callouts, a_replaced_context_is_given_back_and_the_latest_counts) {
  std::uint64_t next = 1;
  const auto code = std::make_shared<scripted>(
      [&](const metadata&, std::uint64_t, classify_out& out) { out.associate = next++; });
  add_callout("c", code);
  add({inspect("f")});
  {
    flow connection;
    about.flow = &connection;
    ask();
    ask();
  }
  about.flow = nullptr;
  EXPECT_EQ(code->given_back, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(callouts, a_flow_may_outlive_the_engine) {
  const auto code = keeps(5);
  flow connection;
  {
    engine own;
    ASSERT_EQ(own.register_callout("c", code), "");
    transaction t = own.begin();
    t.add_callout("c");
    t.add(inspect("f"));
    ASSERT_TRUE(own.commit(std::move(t)).empty());
    about.flow = &connection;
    own.current()->classify(layer_id::connect_auth_v4, known, about);
  }
  connection.end();
  EXPECT_EQ(code->given_back, std::vector<std::uint64_t>{5});
}

TEST_F(callouts, one_that_throws_ends_its_connection_only) {
  bool throws = true;
  add_callout("c", std::make_shared<scripted>([&](const metadata&, std::uint64_t, classify_out&) {
                if (throws) throw std::runtime_error{"broken"};
              }));
  add({make("permit", action::permit(), 1, "heavy"), inspect("f")});
  EXPECT_EQ(in_words(ask()), "failed by f, soft");
  EXPECT_FALSE(ask().is_late);
  throws = false;
  EXPECT_EQ(in_words(ask()), "permit by permit, soft");
}

core::instant fake_now;

TEST_F(callouts, one_that_exceeds_its_budget_ends_its_connection) {
  core::nanoseconds takes = callout_budget_default;
  add_callout("c", std::make_shared<scripted>(
                       [&](const metadata&, std::uint64_t, classify_out&) { fake_now += takes; }));
  add({inspect("f"), make("permit", action::permit(), 0, "light")});
  about.clock = [] { return fake_now; };
  EXPECT_EQ(in_words(ask()), "permit by permit, soft");
  takes += core::nanoseconds{1};
  EXPECT_EQ(in_words(ask()), "failed by f, soft");
  EXPECT_TRUE(ask().is_late);
}

TEST_F(callouts, told_of_filters_that_come_and_go) {
  const auto code = answers(answer::go_on);
  add_callout("c", code);
  transaction t = filters.begin();
  const filter_id id = t.add(inspect("f"));
  EXPECT_TRUE(code->told.empty()) << "not before the commit";
  commit(std::move(t));
  EXPECT_EQ(code->told, told{"+f"});
  t = filters.begin();
  t.set_enabled(id, false);
  commit(std::move(t));
  EXPECT_EQ(code->told, (told{"+f", "-f"}));
  t = filters.begin();
  t.remove(id);
  commit(std::move(t));
  EXPECT_EQ(code->told, (told{"+f", "-f"})) << "it was gone already";
}

TEST_F(callouts, told_of_filters_that_were_there_before_it) {
  transaction t = filters.begin();
  t.add_callout("c");
  t.add(inspect("f"));
  commit(std::move(t));
  const auto code = answers(answer::go_on);
  ASSERT_EQ(filters.register_callout("c", code), "");
  EXPECT_EQ(code->told, told{"+f"});
}

TEST_F(callouts, one_that_refuses_a_filter_refuses_the_transaction) {
  const auto code = answers(answer::go_on);
  code->refuses = "bad";
  add_callout("c", code);
  transaction t = filters.begin();
  t.add(inspect("good"));
  t.add(inspect("bad"));
  const auto errors = filters.commit(std::move(t));
  EXPECT_EQ(errors, told{"filter \"bad\": callout \"c\" refuses it: no"});
  EXPECT_EQ(code->told, (told{"+good", "+bad", "-good"}));
  EXPECT_TRUE(filters.defined().filters.empty());
}

TEST_F(callouts, explaining_keeps_and_counts_nothing) {
  bool was_explaining = false;
  const auto code = std::make_shared<scripted>([&](const metadata& m, std::uint64_t, classify_out& out) {
    was_explaining = m.explaining;
    out.associate = 1;
  });
  add_callout("c", code);
  transaction t = filters.begin();
  const filter_id id = t.add(inspect("f"));
  commit(std::move(t));
  {
    flow connection;
    about.flow = &connection;
    held.now().explain(layer_id::connect_auth_v4, known, about);
  }
  about.flow = nullptr;
  EXPECT_TRUE(was_explaining);
  EXPECT_TRUE(code->given_back.empty());
  EXPECT_EQ(filters.counters_of(id)->hits(), 0u);
}

TEST_F(callouts, at_the_stream_layer_it_sees_the_bytes_and_may_ask_for_more) {
  add_callout("c", std::make_shared<scripted>(
                       [](const metadata&, std::uint64_t, classify_out& out) { out.need_more = 100; }));
  filter f = inspect("sniff");
  f.layer = layer_id::stream;
  add({f});
  EXPECT_EQ(ask(layer_id::stream).need_more, 100u);
}

// Says `pend` until there is an answer, and then that.
std::shared_ptr<scripted> waits_for(const std::optional<action>& said) {
  return std::make_shared<scripted>([&said](const metadata&, std::uint64_t, classify_out& out) {
    out.action = !said ? answer::pend : said->kind == action_kind::block ? answer::block : answer::permit;
    if (said && has_way(said->kind)) out.way = &*said;
  });
}

TEST_F(callouts, one_that_pends_is_asked_again_and_those_before_it_are_not_counted_twice) {
  std::optional<action> said;
  const auto looks = std::make_shared<scripted>([](const metadata& about, std::uint64_t, classify_out& out) {
    out.action = about.reauthorizing ? answer::none : answer::go_on;
  });
  add_callout("waits", waits_for(said));
  add_callout("looks", looks);
  const auto callout = [](std::string name, action_kind kind, std::uint64_t weight) { return make(name, action::callout(kind, name), weight); };
  add({callout("looks", callout_inspection, 3), callout("waits", callout_unknown, 2), make("rest", action::direct(), 1), make("light", action::chain("out"), 0, "light")});
  const auto hits = [&](const char* name) {
    for (const auto& [id, one] : filters.defined().filters) {
      if (one.source->name == name) return filters.counters_of(id)->hits();
    }
    return ~std::uint64_t{0};
  };
  const decision first = ask();
  EXPECT_EQ(in_words(first), "pended by waits, soft");
  EXPECT_EQ(hits("light"), 0u) << "who comes after it was not asked yet";
  about.pended = first.by;
  said = action::chain("its own");
  const decision then = ask();
  EXPECT_EQ(in_words(then), "permit by waits, soft, way waits");
  EXPECT_EQ(then.says->name, "its own");
  EXPECT_EQ(hits("looks"), 1u);
  EXPECT_EQ(hits("waits"), 1u);
  EXPECT_EQ(hits("light"), 1u);
  said = action::block();
  EXPECT_EQ(in_words(ask()), "permit by light, soft, way light") << "a callout's block is soft unless it says otherwise";
  said = action::redirect({{}, {}, 80});
  EXPECT_EQ(in_words(ask()), "failed by waits, soft") << "no destination changes here";
  said.reset();
  about.reauthorizing = true;
  EXPECT_EQ(in_words(ask()), "failed by waits, soft") << "nobody waits";
  about.reauthorizing = false;
  about.explaining = true;
  EXPECT_EQ(in_words(ask()), "failed by waits, soft");
}

// As `limit`: who is asked again counts nothing, and has no opinion.
std::shared_ptr<scripted> counts(classify_out::answer what, int& counted) {
  return std::make_shared<scripted>([&counted, what](const metadata& about, std::uint64_t, classify_out& out) {
    out.action = about.reauthorizing ? answer::go_on : what;
    out.right = what != answer::block || about.reauthorizing;
    if (!about.reauthorizing) ++counted;
  });
}

TEST_F(callouts, a_hard_block_stays_where_a_lighter_one_would_pend) {
  std::optional<action> said;
  int counted = 0;
  add_callout("limit", counts(answer::block, counted));
  add_callout("waits", waits_for(said));
  add({make("full", action::callout(callout_unknown, "limit"), 1, "heavy"), make("waits", action::callout(callout_unknown, "waits"), 0, "light")});
  EXPECT_EQ(in_words(ask()), "block by full, hard");
}

TEST_F(callouts, where_the_one_that_pended_matches_no_more_those_behind_it_have_their_say) {
  std::optional<action> said;
  int counted = 0;
  add_callout("waits", waits_for(said));
  add_callout("limit", counts(answer::block, counted));
  filter waits = make("waits", action::callout(callout_unknown, "waits"), 2);
  waits.conditions = {any_of(field_id::remote_port, {"80"})};
  filter elsewhere = make("elsewhere", action::callout(callout_unknown, "limit"));
  elsewhere.layer = layer_id::connect_redirect_v4;
  add({waits, make("full", action::callout(callout_unknown, "limit"), 1), make("rest", action::permit(), 0), elsewhere});
  known.set(field_id::remote_port, std::uint64_t{80});
  about.pended = ask().by;
  ASSERT_TRUE(about.pended);
  known.set(field_id::remote_port, std::uint64_t{81});
  EXPECT_EQ(in_words(ask()), "block by full, hard");
  EXPECT_EQ(counted, 1);
  ask(layer_id::connect_redirect_v4);
  EXPECT_EQ(counted, 1) << "at another layer it is not missed";
}

}  // namespace
}  // namespace omnilink::interceptor::filter
