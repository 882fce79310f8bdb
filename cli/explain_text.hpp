// What `omnilink explain` prints for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace omnilink::cli {

/// Of an explanation (actors/explain.hpp): the outcome and who decided first, then every layer with its filters
/// and why each lost.
std::string explain_text(const nlohmann::json& explanation);

}  // namespace omnilink::cli
