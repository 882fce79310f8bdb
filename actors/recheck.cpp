#include "actors/recheck.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace omnilink::actors {

void recheck::add(subject& one) {
  one.round_ = round_;
  all_.push_back(one);
}

void recheck::begin(std::shared_ptr<const worker_settings> now) {
  ++round_;
  if (all_.empty()) return;
  const bool is_under_way = std::exchange(now_, std::move(now)) != nullptr;
  if (!is_under_way) slice();
}

void recheck::slice() {
  for (std::size_t n = 0; n < slice_size && has_more(); ++n) {
    subject& one = all_.front();
    all_.splice(all_.end(), all_, all_.begin());
    one.round_ = round_;
    one.ask_again(*now_);
  }
  if (!has_more()) return now_.reset();
  // The sockets first.
  boost::asio::post(io_, [this] { slice(); });
}

}  // namespace omnilink::actors
