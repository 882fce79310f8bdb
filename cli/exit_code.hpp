// What the process tells its caller. `exec` otherwise ends as its command did.
#pragma once

namespace omnilink::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;  ///< at run time
inline constexpr int exit_usage = 2;
inline constexpr int exit_blocked = 3;  ///< explain: the connection would be blocked
inline constexpr int exit_miss = 4;     ///< query: no such connection, or none that the asker may see
inline constexpr int exit_config = 78;  ///< EX_CONFIG of sysexits.h
inline constexpr int exit_exec =
    125;  ///< every failure of omnilink itself under `exec`, as env(1) and timeout(1) do

}  // namespace omnilink::cli
