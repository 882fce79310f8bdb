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

// The numbers are the callers'; ours may not move away from under them.
static_assert(OMNILINK_STEP_NONE == int(core::step::none) && OMNILINK_STEP_ACCEPT == int(core::step::accept) && OMNILINK_STEP_RESOLVE == int(core::step::resolve) &&
              OMNILINK_STEP_CONNECT == int(core::step::connect) && OMNILINK_STEP_TLS == int(core::step::tls) && OMNILINK_STEP_AUTH == int(core::step::auth) &&
              OMNILINK_STEP_REQUEST == int(core::step::request) && OMNILINK_STEP_RELAY == int(core::step::relay));
using wire::callout_answer, wire::callout_question;
static_assert(OMNILINK_NO_ANSWER == int(callout_answer::what::none) && OMNILINK_CONTINUE == int(callout_answer::what::go_on) &&
              OMNILINK_PERMIT == int(callout_answer::what::permit) && OMNILINK_BLOCK == int(callout_answer::what::block) &&
              OMNILINK_REJECT == int(callout_answer::what::reject) && OMNILINK_TO == int(callout_answer::what::redirect) &&
              OMNILINK_DIRECT == int(callout_answer::what::direct) && OMNILINK_CHAIN == int(callout_answer::what::chain));
static_assert(OMNILINK_ACCEPT == int(callout_question::layer::accept) && OMNILINK_CONNECT_REDIRECT == int(callout_question::layer::connect_redirect) &&
              OMNILINK_CONNECT_AUTH == int(callout_question::layer::connect_auth));

template <std::size_t Room>
void put(std::string_view text, char (&into)[Room]) noexcept {
  copy_text(text, into, Room);
}

// Nothing where it is not known.
void put_target(const core::target& from, char (&host)[256], std::uint32_t& port, sockaddr_storage& address) {
  if (from.port == 0) return;
  put(from.host(), host);
  port = from.port;
  if (!from.is_name()) io::to_sockaddr(from.endpoint(), address);
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
  put_target(from.original, into.host, into.port, into.original);
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

void fill(const wire::callout_question& from, omnilink_question& into) {
  into = {};
  into.size = sizeof into;
  into.layer = static_cast<std::uint32_t>(from.at);
  into.token = from.token;
  into.connection = from.connection;
  into.timeout_ms = from.limit_ms;
  put_target(from.destination, into.host, into.port, into.destination);
  io::to_sockaddr(from.source, into.source);
  io::to_sockaddr(from.local, into.local);
  into.pid = from.program.pid.value_or(0);
  into.uid = from.program.uid.value_or(OMNILINK_UNKNOWN_ID);
  into.gid = from.program.gid.value_or(OMNILINK_UNKNOWN_ID);
  put(from.program.process, into.process);
  put(from.program.exe, into.exe);
  put(from.program.cgroup, into.cgroup);
  put(from.listener, into.listener);
  put(from.filter, into.filter);
  put(from.callout, into.callout);
}

void fill(const wire::callout_verdict& from, omnilink_verdict& into) {
  into = {};
  into.size = sizeof into;
  into.code = static_cast<std::uint32_t>(from.code);
  into.connection = from.connection;
  into.bytes_up = from.up;
  into.bytes_down = from.down;
  into.duration_ms = from.duration_ms;
  into.step = static_cast<std::uint32_t>(from.step);
  into.hop = from.hop;
  into.system_errno = from.system_errno;
  into.reply = from.reply;
  into.lost = from.lost;
  put_target(from.original, into.host, into.port, into.original);
  io::to_sockaddr(from.source, into.source);
  put(from.chain, into.chain);
  put(from.rule, into.rule);
  put(from.hop_name, into.hop_name);
  put(from.text, into.text);
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
