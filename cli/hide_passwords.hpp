// The process list shows every user the arguments of every process.
#pragma once

namespace omnilink::cli {

/// Overwrites in place what stands between the user's colon and the last '@' of every argument. Call it in
/// main before the first thread, with copies of the arguments already made.
void hide_passwords(int argc, char** argv) noexcept;

}  // namespace omnilink::cli
