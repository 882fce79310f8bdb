// The name in the Host field of an HTTP/1 request (RFC 9112 section 3.2).
#pragma once

#include "wire/first_name.hpp"

namespace omnilink::wire {

/// `begin` is everything that the client has sent so far. The whole head is read: of two Host fields none counts.
first_name http_host_name(bytes begin);

}  // namespace omnilink::wire
