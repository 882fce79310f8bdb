// The callout `tag`: puts a word on the connection, for later filters and the log. Who only asks brings a flow of his own.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "interceptor/filter/callout.hpp"
#include "interceptor/filter/flow.hpp"

namespace omnilink::interceptor::filter {

class tag final : public callout {
 public:
  explicit tag(std::string word) : word_{std::move(word)} {}

  void classify(const values&, const metadata& about, layer_data, const filter&, std::uint64_t,
                classify_out& out) override {
    out.action = classify_out::answer::go_on;
    if (!about.flow) return;
    auto& tags = about.flow->tags;
    if (std::find(tags.begin(), tags.end(), word_) == tags.end()) tags.push_back(word_);
  }

 private:
  const std::string word_;
};

}  // namespace omnilink::interceptor::filter
