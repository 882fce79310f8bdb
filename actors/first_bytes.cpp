#include "actors/first_bytes.hpp"

#include "io/wait.hpp"
#include "wire/first_name.hpp"

namespace omnilink::actors {
namespace {

// A ClientHello with few extensions has 500 bytes, one with post-quantum keys 2 KiB.
constexpr std::size_t step = 2048;

}  // namespace

first_bytes::first_bytes(io::stream& client, io::deadlines& timers, core::instant until) : client_{client}, late_{timers} {
  late_.arm(until, [this] { client_.socket().cancel(); });
}

io::task<core::errc> first_bytes::more() {
  using enum core::errc;
  const std::size_t before = all_.size();
  if (late_.expired() || before >= wire::first_bytes_max) co_return timed_out;
  all_.resize(std::min(before + step, wire::first_bytes_max));
  const io::progress got = co_await io::read_some(client_, std::span{all_}.subspan(before));
  all_.resize(before + (got.done() ? got.count : 0));
  if (got.done()) co_return ok;
  const bool is_over = got.what == io::progress::kind::eof || (got.code == canceled && client_.socket().is_open());
  co_return is_over ? timed_out : got.code;
}

}  // namespace omnilink::actors
