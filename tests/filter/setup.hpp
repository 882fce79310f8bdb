// Filters and an engine, in few words, for the tests of the filter engine.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "interceptor/filter/engine.hpp"
#include "interceptor/filter/flow.hpp"

namespace omnilink::interceptor::filter {

inline condition any_of(field_id f, std::vector<std::string> texts, bool negated = false) {
  condition out{f, negated, {}};
  for (const std::string& text : texts) {
    auto parsed = parse_pattern(f, match_type::any_of, text);
    EXPECT_TRUE(std::holds_alternative<pattern>(parsed)) << text << ": " << std::get<std::string>(parsed);
    out.any_of.push_back(std::get<pattern>(std::move(parsed)));
  }
  return out;
}

inline condition none_of(field_id f, std::vector<std::string> texts) {
  return any_of(f, std::move(texts), true);
}

/// At connect_auth_v4, whatever the connection.
inline filter make(std::string name, action what, std::uint64_t weight = 0,
                   std::string sublayer = "default") {
  filter out;
  out.name = std::move(name);
  out.sublayer = std::move(sublayer);
  out.weight = weight::exact(weight);
  out.action = std::move(what);
  return out;
}

inline filter soft(filter f) {
  f.right = action_right::keep;
  return f;
}
inline filter hard(filter f) {
  f.right = action_right::clear;
  return f;
}

/// A callout that is a function; it keeps what it was told.
class scripted : public callout {
 public:
  using script = std::function<void(const metadata&, std::uint64_t context, classify_out&)>;
  explicit scripted(script does = {}) : does_{std::move(does)} {}

  void classify(const values&, const metadata& about, layer_data, const filter& by, std::uint64_t context,
                classify_out& out) override {
    rights.push_back(out.right);
    asked_for.push_back(by.name);
    if (does_) does_(about, context, out);
  }
  std::string notify(event what, const filter& about) override {
    told.push_back((what == event::filter_added ? "+" : "-") + about.name);
    return refuses == about.name && what == event::filter_added ? "no" : "";
  }
  void flow_delete(layer_id, std::uint64_t context) override { given_back.push_back(context); }

  std::vector<bool> rights;
  std::vector<std::string> asked_for;
  std::vector<std::string> told;
  std::vector<std::uint64_t> given_back;
  std::string refuses;

 private:
  const script does_;
};

inline std::shared_ptr<scripted> answers(classify_out::answer what, bool is_hard = false) {
  return std::make_shared<scripted>([=](const metadata&, std::uint64_t, classify_out& out) {
    out.action = what;
    if (is_hard) out.right = false;
  });
}

/// An engine with the sublayers "heavy", "default" and "light".
class three_sublayers : public ::testing::Test {
 protected:
  three_sublayers() {
    transaction t = filters.begin();
    t.add(sublayer{"heavy", 0xf000, "tests"});
    t.add(sublayer{"light", 0x0100, "tests"});
    commit(std::move(t));
  }

  void commit(transaction t) { EXPECT_EQ(filters.commit(std::move(t)), std::vector<std::string>{}); }

  void add(std::vector<filter> all) {
    transaction t = filters.begin();
    for (filter& f : all) t.add(std::move(f));
    commit(std::move(t));
  }

  /// One that filters may name, with its code.
  void add_callout(const std::string& name, std::shared_ptr<callout> code) {
    transaction t = filters.begin();
    t.add_callout(name, "tests");
    commit(std::move(t));
    EXPECT_EQ(filters.register_callout(name, std::move(code)), "");
  }

  decision ask(layer_id at = layer_id::connect_auth_v4) {
    const decision fast = held.now().classify(at, known, about);
    return fast;
  }

  engine filters;
  reader held{filters};
  values known;
  metadata about;
};

/// "permit by NAME, soft, way NAME".
inline std::string in_words(const decision& d) {
  constexpr const char* outcomes[] = {"none", "permit", "block", "failed", "pended"};
  std::string out = outcomes[static_cast<int>(d.what)];
  if (d.by) out += " by " + d.by->name + (d.is_hard ? ", hard" : ", soft");
  if (d.way) out += ", way " + d.way->name;
  if (d.veto_of) out += ", veto of " + d.veto_of->name;
  return out;
}

}  // namespace omnilink::interceptor::filter
