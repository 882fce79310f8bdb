// What `run` and `netd` start from: the same file, read in the same way.
#pragma once

#include <string>
#include <string_view>

#include "cli/settings.hpp"
#include "interceptor/netd.hpp"
#include "io/privileges.hpp"

namespace omnilink::cli {

/// Where neither file nor flags say anything.
settings run_defaults();

/// Empty lines: there is something to serve.
refusal prepare_run(const settings_flags& given, settings& into);

/// What netd opens for a service that reads its configuration.
interceptor::netd::config_files files_to_lend(const settings_flags& given);

/// Beside CAP_NET_ADMIN; without those of a netd that starts its workers.
io::network_privileges privileges_of_netd(const settings& of);

/// Its rules and sockets are netd's to make.
bool needs_netd(const settings& of);

/// Says why it cannot be netd.
inline constexpr std::string_view no_network_privileges =
    "a redirect, tproxy or cgroup listener needs CAP_NET_ADMIN for its rules: start omnilink as root; for one command, `omnilink exec` needs no "
    "privileges";

/// Each on stderr; the exit code.
int say(const refusal& no);

}  // namespace omnilink::cli
