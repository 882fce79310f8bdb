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

/// Prints the reply as JSON or as `to_text` makes it; returns `code` of it. What these throw are JSON's own
/// errors, for a reply of another version.
int print_reply(const nlohmann::json& reply, bool as_json, std::string (*to_text)(const nlohmann::json& reply),
                int (*code)(const nlohmann::json& reply));
/// Asks first; exit_done once there is a reply.
int ask_and_print(const admin_flags& given, std::string (*to_text)(const nlohmann::json& reply));
/// The same where the reply says more: that there is no such thing, as an exit code.
int ask_and_print(const admin_flags& given, std::string (*to_text)(const nlohmann::json& reply),
                  int (*code)(const nlohmann::json& reply));

/// Of a reply's "age_ms" and its like: "12.3 s", "4 min", "3 h".
std::string to_age(std::uint64_t milliseconds);

}  // namespace omnilink::cli
