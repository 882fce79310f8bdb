// Another configuration for a running service: all of it, or nothing changes and why.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "actors/control.hpp"

namespace omnilink::actors {

/// Which of the things that only a restart changes differ: one line each. Empty: a reload can do it.
std::vector<std::string> needs_restart(const configuration& running, const configuration& wanted);

/// On control. Empty: every worker uses it from now on; otherwise the lines that say why nothing has changed.
boost::asio::awaitable<std::vector<std::string>> reload(control& home);

/// On control, after the filters or the settings changed: every worker uses them for the connections that begin from now on.
boost::asio::awaitable<void> put_to_use(control& home);

}  // namespace omnilink::actors
