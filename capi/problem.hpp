// Why something could not be done, as the caller is told.
#pragma once

#include <string>
#include <utility>

#include "capi/omnilink.h"
#include "core/errc.hpp"

namespace omnilink::capi {

struct problem {
  int code = OMNILINK_E_INTERNAL;
  std::string text;  ///< cause and remedy, one line

  problem() = default;
  problem(int what, std::string why) : code{what}, text{std::move(why)} {}
  problem(core::errc what, std::string why) : problem{static_cast<int>(what), std::move(why)} {}
};

}  // namespace omnilink::capi
