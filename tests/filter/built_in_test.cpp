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
  held.now().explain(layer_id::connect_auth_v4, known, about);
  EXPECT_TRUE(connection.tags.empty());
  ask();
  ask();
  EXPECT_EQ(connection.tags, std::vector<std::string>{"video"});
  about.flow = nullptr;
  EXPECT_EQ(in_words(ask()), "none");
}

}  // namespace
}  // namespace omnilink::interceptor::filter
