// What the NAT store remembers of one flow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/clock.hpp"
#include "core/endpoint.hpp"
#include "core/flow_key.hpp"
#include "core/program.hpp"

namespace omnilink::nat {

enum class flow_state : std::uint8_t {
  live,    ///< not known to have ended
  closed,  ///< ended; answers until its linger is over
};

enum class carrier : std::uint8_t {
  omnilink,  ///< a live one is never evicted and has no TTL
  other,     ///< another program, which announced it; live until its TTL is over
};

struct entry {
  static constexpr std::uint32_t unknown_uid = 0xffffffff;

  core::flow_key key;
  core::target original;            ///< where the program wanted to go; the name where it is known
  core::address original_address;   ///< what the program dialled; a fake address for a name of our resolver
  std::uint64_t connection = 0;     ///< id in logs and in `omnilink connections`
  std::uint64_t generation = 0;     ///< unique in its shard; tells uses of the same key apart
  core::program_ptr program;            ///< who opened it, where somebody wanted to know; may be null
  std::uint64_t cookie = 0;             ///< SO_COOKIE of the accepted socket: never given twice
  std::uint32_t uid = unknown_uid;  ///< owner of the program's socket
  bool redirected = false;          ///< the kernel sent it to us: the program's socket has the original destination as its peer
  flow_state state = flow_state::live;
  nat::carrier carrier = nat::carrier::omnilink;
  core::instant created{};
  core::instant closed{};  ///< meaningful when closed
  core::instant due{};     ///< when it is forgotten; meaningless while it is live and omnilink's
  std::string chain;       ///< the chain that carries it
  std::shared_ptr<const std::string> rule;  ///< the filters that decided; null: none did

  bool has_ttl() const noexcept { return state == flow_state::closed || carrier == nat::carrier::other; }
};

}  // namespace omnilink::nat
