// In the sandbox a name is answered with a fake address; behind it is what its program asked for.
#pragma once

#include <optional>
#include <string>

#include "actors/worker.hpp"
#include "io/task.hpp"

namespace omnilink::actors {

/// Empty: nobody was given that address. nullopt: no answer.
io::task<std::optional<std::string>> name_behind(worker& home, core::address fake);

}  // namespace omnilink::actors
