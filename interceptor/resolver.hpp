// DNS for intercepted programs: A and AAAA get fake addresses whose name travels through the chain instead, other types get
// NODATA. No question ever leaves the machine. Runs on the control unit.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <vector>

#include "interceptor/installer.hpp"
#include "nat/names.hpp"

namespace omnilink::interceptor {

class resolver {
 public:
  /// Answers out of `names`, which must outlive it.
  resolver(boost::asio::any_io_executor executor, nat::names& names);
  ~resolver();
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;

  /// Serves on these sockets from now on, and takes them.
  void serve(installation& sockets);
  /// Closes them.
  void stop() noexcept;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;  // shared with its coroutines, which end after stop()
};

}  // namespace omnilink::interceptor
