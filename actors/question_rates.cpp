#include "actors/question_rates.hpp"

namespace omnilink::actors {
namespace {

// More have not asked within a second, unless somebody has as many accounts.
constexpr std::size_t users_max = 4096;

}  // namespace

bool question_rates::take(std::uint32_t uid, std::uint32_t per_second, core::instant now) {
  if (per_second == 0) return true;
  if (per_second != per_second_) of_user_.clear();
  per_second_ = per_second;
  auto place = of_user_.find(uid);
  if (place == of_user_.end()) {
    if (of_user_.size() >= users_max) std::erase_if(of_user_, [now](const auto& one) { return one.second.is_full(now); });
    if (of_user_.size() >= users_max) return false;
    place = of_user_.try_emplace(uid, per_second, per_second).first;
  }
  return place->second.take(1, now);
}

}  // namespace omnilink::actors
