#include "io/close_elsewhere.hpp"

#include <atomic>
#include <system_error>
#include <thread>
#include <utility>

namespace omnilink::io {
namespace {

std::atomic<std::size_t> under_way{0};

}  // namespace

void close_elsewhere(descriptor stranger) noexcept {
  if (!stranger) return;
  ++under_way;
  try {
    std::thread{[fd = std::move(stranger)]() mutable {
      fd.reset();
      --under_way;
    }}.detach();
  } catch (const std::system_error&) {
    --under_way;  // and `stranger` closes here
  }
}

std::size_t closes_under_way() noexcept { return under_way.load(); }

}  // namespace omnilink::io
