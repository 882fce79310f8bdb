#include "capi/structures.hpp"

#include <algorithm>
#include <string_view>

#include "capi/boundary.hpp"
#include "io/address.hpp"

namespace omnilink::capi {
namespace {

// Up to and with the last member of the first version.
constexpr std::size_t destination_first = offsetof(omnilink_destination, chain) + sizeof(omnilink_destination::chain);
constexpr std::size_t largest = 64 * 1024;

template <std::size_t Room>
void put(std::string_view text, char (&into)[Room]) noexcept {
  copy_text(text, into, Room);
}

}  // namespace

void fill(const wire::nat_answer& from, omnilink_destination& into) {
  using status = wire::nat_answer::status;
  into = {};
  into.size = sizeof into;
  into.uid = into.gid = OMNILINK_UNKNOWN_ID;
  into.matches = from.what == status::live || from.what == status::closed || from.what == status::ambiguous ? from.matches : 0;
  if (from.what == status::ambiguous) into.status = OMNILINK_AMBIGUOUS;
  if (!from.is_flow()) return;
  into.status = from.what == status::closed || from.what == status::ended ? OMNILINK_CLOSED : OMNILINK_LIVE;
  into.matches = 1;
  into.port = from.original.port;
  put(from.original.host(), into.host);
  if (!from.original.is_name()) io::to_sockaddr(from.original.endpoint(), into.original);
  io::to_sockaddr(from.source, into.source);
  into.generation = from.generation;
  into.connection = from.connection;
  into.age_ms = from.age_ms;
  into.closed_ms = from.closed_ms;
  into.pid = from.pid;
  into.uid = from.uid;
  into.gid = from.gid;
  put(from.process, into.process);
  put(from.exe, into.exe);
  put(from.cgroup, into.cgroup);
  put(from.chain, into.chain);
}

bool write(const omnilink_destination& from, omnilink_destination* into) noexcept {
  const std::size_t size = into->size;
  if (size < destination_first || size > largest) return false;
  auto* bytes = reinterpret_cast<unsigned char*>(into);
  std::memset(bytes, 0, size);
  std::memcpy(bytes, &from, std::min(size, sizeof from));
  into->size = static_cast<std::uint32_t>(size);
  return true;
}

}  // namespace omnilink::capi
