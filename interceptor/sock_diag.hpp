// Whose socket is at the other end: an exact question to the kernel's socket table (sock_diag(7)).
#pragma once

#include <cstdint>
#include <optional>

#include "core/endpoint.hpp"
#include "io/descriptor.hpp"

namespace omnilink::interceptor {

/// A NETLINK_SOCK_DIAG socket that sees this thread's network namespace. Empty: errno says why.
io::descriptor open_sock_diag() noexcept;

/// The uid that owns the TCP socket with exactly these two addresses, as that socket sees them; for the
/// client of a redirected connection `remote` is the original destination. nullopt: there is none, or nobody
/// holds it any more, or the kernel did not answer within 100 ms. Blocks for that long: for the control unit.
/// One thread at a time per `diag_fd`.
std::optional<std::uint32_t> owner_uid(int diag_fd, core::endpoint local, core::endpoint remote) noexcept;

}  // namespace omnilink::interceptor
