// The files of a hop's TLS, read while the configuration is: later the service may be a user who cannot.
#pragma once

#include <string>

#include "chain/hop.hpp"

namespace omnilink::cli {

/// Reads the hop's ca, cert and key, the key from a file that nobody else can read. Empty: done; otherwise one line with the path, the cause and the remedy. What is in them is looked at by io::tls_context.
std::string read_tls_files(chain::hop& into);

}  // namespace omnilink::cli
