// What the verbs over admin.sock have in common: ask, then print the reply as JSON or as text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/verbs.hpp"
#include "wire/admin.hpp"

namespace omnilink::cli {

struct admin_flags {
  std::string socket;
  bool json = false;
  wire::admin_request request;
};

/// `--socket` and `--json`.
void add_admin_flags(CLI::App& verb, admin_flags& given);

/// `to_text` makes the text of a reply; its errors are JSON's own, for a reply of another version. Returns
/// the exit code.
int ask_and_print(const admin_flags& given, std::string (*to_text)(const nlohmann::json& reply));
/// The same where the service may know no such thing: then `succeeded` is false, and so is the verb.
int ask_and_print(const admin_flags& given, std::string (*to_text)(const nlohmann::json& reply),
                  bool (*succeeded)(const nlohmann::json& reply));

/// Of a reply's "age_ms" and its like: "12.3 s", "4 min", "3 h".
std::string to_age(std::uint64_t milliseconds);

}  // namespace omnilink::cli
