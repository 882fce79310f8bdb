// Our own certificate and key, for peers that ask for one. For io/tls*.cpp only.
#pragma once

#include <string>

#include "io/openssl.hpp"
#include "io/tls_config.hpp"

namespace omnilink::io {

/// Empty: the context presents them, or there are none; otherwise what is wrong with which file. `warning` is set when peers will
/// hardly accept them.
std::string use_identity(SSL_CTX* context, const tls_client_config& from, std::string& warning);

}  // namespace omnilink::io
