// The built-in callout that is pure.
#include "interceptor/filter/tag.hpp"
#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

class built_in : public three_sublayers {};

TEST_F(built_in, tag_puts_its_word_on_the_connection_once) {
  add_callout("video", std::make_shared<tag>("video"));
  add({make("f", action::callout(action_kind::callout_inspection, "video"))});
  flow connection;
  about.flow = &connection;
  ask();
  ask();
  EXPECT_EQ(connection.tags, std::vector<std::string>{"video"});
  about.flow = nullptr;
  EXPECT_EQ(in_words(ask()), "none");
}

TEST_F(built_in, filters_asked_later_see_a_tag_and_those_before_do_not) {
  add_callout("video", std::make_shared<tag>("video"));
  filter early = make("early", action::block(), 9), late = make("late", action::permit(), 1), none = make("none", action::block(), 7);
  early.conditions = late.conditions = {any_of(field_id::tag, {"vid*", "audio"})};
  none.conditions = {none_of(field_id::tag, {"video"})};
  add({early, make("f", action::callout(action_kind::callout_inspection, "video"), 8), none, late});
  flow connection;
  known.set_tags(connection.tags);
  about.flow = &connection;
  const trace told = held.now().explain(layer_id::connect_auth_v4, known, about);
  EXPECT_EQ(in_words(told.decision), "permit by late, soft");
  ASSERT_EQ(told.sublayers.size(), 1u);
  EXPECT_EQ(told.sublayers[0].entries[0].failed, "a tag that it asks for came only later");
  EXPECT_EQ(told.sublayers[0].entries[2].failed, "tag is not video: it is video");
  connection.tags.clear();
  EXPECT_EQ(in_words(ask()), "permit by late, soft");
  EXPECT_EQ(in_words(ask()), "block by early, hard") << "it has the tag now";
}

}  // namespace
}  // namespace omnilink::interceptor::filter
