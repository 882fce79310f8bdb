// Opens a chain: connects to hop 0, then asks each hop in turn for the next address, the last one for the target
// (RFC 1928, RFC 9110 section 9.3.6), with TLS around the stream before the hop's handshake. Nothing of the client's is
// sent before the last hop has said yes (invariant 3). Knows nothing of the client's socket.
#pragma once

#include <boost/container/small_vector.hpp>
#include <functional>
#include <memory>

#include "chain/chain.hpp"
#include "chain/hop_time.hpp"
#include "chain/tls_contexts.hpp"
#include "core/verdict.hpp"
#include "io/canceler.hpp"
#include "io/deadlines.hpp"
#include "io/descriptor.hpp"
#include "io/resolve.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace omnilink::chain {

/// What a dial needs besides the chain; one per worker, outlives every dial.
struct dial_environment {
  io::resolver& resolver;
  io::deadlines& deadlines;
  const tls_contexts& tls;
  timeouts limits;
  /// True for an address on which we listen ourselves: never dialled (invariant 4).
  std::function<bool(const core::endpoint&)> is_own;
  /// Remembers a connection of ours by its two addresses until the ticket is gone; null: it led back to us. Empty: nothing
  /// can lead it there.
  std::function<std::shared_ptr<const void>(const core::endpoint& local, const core::endpoint& remote)> remember;
  /// The programs have a loopback of their own: a name that resolves to the host's does not lead there.
  bool private_loopback = false;
  /// A TCP socket that may have anybody's address, or errno: EAGAIN, there will be one soon.
  std::function<io::descriptor(bool v6)> lend_socket{};
};

struct dialed {
  std::unique_ptr<io::stream> upstream;  ///< set if and only if verdict.ok()
  core::verdict verdict;
  core::endpoint first_address;          ///< that TCP was connected to
  std::shared_ptr<const void> remembered;  ///< of dial_environment::remember; to be kept as long as `upstream`
  /// Of each hop that was tried; for a direct chain one entry, the target's.
  boost::container::small_vector<hop_time, 4> hop_times;
};

/// All must outlive the returned awaitable. `owner` ends it early: the verdict then carries its reason. `source`: whose address the
/// connection of a direct chain has; null: ours. `out`: as made.
io::task<> dial(const chain& way, const core::target& where, const dial_environment& environment, io::canceler& owner,
                const core::address* source, dialed& out);

}  // namespace omnilink::chain
