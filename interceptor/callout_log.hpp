// `log`: a line for each connection that meets it. Whoever opens connections can make these by the thousand: identical ones come
// at most once a second, and all together at most lines_per_second.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>

#include "core/token_bucket.hpp"
#include "interceptor/callouts.hpp"

namespace omnilink::interceptor {

class callout_log final : public filter::callout {
 public:
  static constexpr std::uint64_t lines_per_second = 100;

  callout_log(log_settings settings, shown_destination show) : settings_{std::move(settings)}, show_{std::move(show)} {}

  void classify(const filter::values& known, const filter::metadata& about, filter::layer_data data, const filter::filter& by,
                std::uint64_t context, filter::classify_out& out) override;

 private:
  std::optional<std::uint64_t> admit(std::size_t line, core::instant now);

  const log_settings settings_;
  const shown_destination show_;
  core::token_bucket rate_{lines_per_second, lines_per_second};
  std::mutex mutex_;
  std::unordered_map<std::size_t, core::instant> recent_;  // by the line's hash; bounded by the rate
  std::uint64_t left_out_ = 0;
};

}  // namespace omnilink::interceptor
