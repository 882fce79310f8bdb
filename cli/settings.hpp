// What a verb is to do, from the configuration file and the flags; flags win.
#pragma once

#include <string>
#include <vector>

#include "actors/configuration.hpp"
#include "io/log.hpp"

namespace omnilink::cli {

struct settings {
  actors::configuration service;
  io::log_config log;
  bool confine = true;  ///< [service] confine: see confine.hpp
  std::string user;  ///< [service] user: who the service is behind netd; empty: see service_user.hpp
};

/// The flags that `run` and `exec` share.
struct settings_flags {
  std::string config_file;             ///< -c; empty: none
  std::vector<std::string> hops;       ///< -F: a chain of its own, in place of the file's
  std::vector<std::string> listeners;  ///< -L: in place of the file's
  int verbosity = 0;                   ///< -v minus -q: steps away from the level `info` or the file's
};

/// Why there are no settings.
struct refusal {
  int exit_code;                   ///< exit_usage or exit_config
  std::vector<std::string> lines;  ///< each with its place
};

/// Changes `into`, which holds what counts where neither file nor flags say anything. Empty lines: done, and
/// valid.
refusal apply(const settings_flags& flags, settings& into);

}  // namespace omnilink::cli
