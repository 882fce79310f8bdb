// Asking a running service: query.sock (one message each way) and admin.sock (one JSON line each way).
// Blocking, with a time limit: right for a verb that asks once and ends.
#pragma once

#include <boost/system/result.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "wire/admin.hpp"
#include "wire/nat_query.hpp"

namespace omnilink::cli {

/// Errors are one line with the path and the remedy.
boost::system::result<wire::nat_answer, std::string> ask_query(const std::string& path,
                                                               const wire::nat_question& question);

/// Calls `take` for every event until it returns false (the error is empty then), or the service has ended.
std::string watch_flows(const std::string& path, const std::function<bool(const wire::nat_answer& event)>& take);

/// The reply's document, an object without "error".
boost::system::result<nlohmann::json, std::string> ask_admin(const std::string& path,
                                                             const wire::admin_request& request);

}  // namespace omnilink::cli
