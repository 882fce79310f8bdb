// An origin for the tests: echoes what it gets, and ends when the client ends. One thread, plain poll(2).
#pragma once

#include <thread>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"

namespace omnilink::test {

class echo_server {
 public:
  explicit echo_server(const core::address& on = core::address::v4(0x7f000001));
  ~echo_server();
  core::endpoint address() const { return address_; }

 private:
  void run();
  io::descriptor listener_, stop_;
  core::endpoint address_;
  std::thread thread_;
};

}  // namespace omnilink::test
