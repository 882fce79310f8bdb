#include "actors/flow_news.hpp"

#include <utility>

#include "actors/flow_feed.hpp"

namespace omnilink::actors {
namespace {

// An event is late by so much at most …
constexpr core::nanoseconds gathering = std::chrono::milliseconds{5};
// … and a message has at most so many.
constexpr std::size_t gathered_max = 256;

}  // namespace

void flow_news::look_at(flow_feed& feed) {
  feed_ = feed.has_subscribers() ? &feed : nullptr;
  flows_.watch(feed_ ? this : nullptr);
  if (feed_) return;
  due_.disarm();
  gathered_ = {};
}

bool flow_news::asks_for_owners() const noexcept { return feed_ && feed_->has_ordinary_subscribers(); }

void flow_news::add(bool opened, const nat::entry& flow) {
  if (!feed_->has_room()) {
    ++gathered_.lost;
  } else {
    gathered_.all.push_back({opened, flow});
    if (gathered_.all.size() == gathered_max) return tell();
  }
  if (!due_.armed()) due_.arm(core::clock::now() + gathering, [this] { tell(); });
}

void flow_news::tell() {
  due_.disarm();
  feed_->hear(std::exchange(gathered_, {}));
}

}  // namespace omnilink::actors
