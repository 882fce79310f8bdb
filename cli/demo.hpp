// `omnilink demo`: a self-contained trip through a real chain, printed hop by hop.
#pragma once

namespace omnilink::cli {

/// `once`: ends after one trip instead of waiting for the user. Returns the exit code.
int demo_verb(bool once);

}  // namespace omnilink::cli
