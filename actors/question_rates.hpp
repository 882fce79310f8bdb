// How many questions each user may ask on query.sock (`rate` in [query]): one's flood is answered with "busy", and is nobody else's
// trouble.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "core/token_bucket.hpp"

namespace omnilink::actors {

class question_rates {
 public:
  /// `per_second`: also what may come at once; 0: no limit. Another one than before begins anew.
  bool take(std::uint32_t uid, std::uint32_t per_second, core::instant now);

 private:
  std::uint32_t per_second_ = 0;
  std::unordered_map<std::uint32_t, core::token_bucket> of_user_;
};

}  // namespace omnilink::actors
