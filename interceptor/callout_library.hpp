// `library`: code in the program that started this service decides (libomnilink). It cannot be called here: the connection waits while
// it is asked (interceptor/library.hpp), and is classified again with the answer, which is kept with the flow.
#pragma once

#include <string>

#include "interceptor/filter/callout.hpp"

namespace omnilink::interceptor {

class callout_library final : public filter::callout {
 public:
  explicit callout_library(std::string name) : name_{std::move(name)} {}

  void classify(const filter::values& known, const filter::metadata& about, filter::layer_data data, const filter::filter& by,
                std::uint64_t context, filter::classify_out& out) override;

 private:
  const std::string name_;
};

}  // namespace omnilink::interceptor
