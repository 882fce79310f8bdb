#include "cli/admin_verb.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "cli/exit_code.hpp"
#include "cli/socket_client.hpp"
#include "io/socket_paths.hpp"

namespace omnilink::cli {

void add_admin_flags(CLI::App& verb, admin_flags& given) {
  verb.add_option("--socket", given.socket, "The service's admin.sock")->type_name("PATH");
  verb.add_flag("--json", given.json, "Print JSON");
}

int print_reply(const nlohmann::json& reply, bool as_json, std::string (*to_text)(const nlohmann::json& reply),
                int (*code)(const nlohmann::json& reply)) {
  try {
    const std::string text = as_json ? reply.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n" : to_text(reply);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return code(reply);
  } catch (const nlohmann::json::exception&) {
    complain("the reply is not understood: the service is of another version; try --json");
    return exit_failed;
  }
}

int ask_and_print(const admin_flags& given, std::string (*to_text)(const nlohmann::json& reply)) {
  return ask_and_print(given, to_text, [](const nlohmann::json&) { return exit_done; });
}

int ask_and_print(const admin_flags& given, std::string (*to_text)(const nlohmann::json& reply),
                  int (*code)(const nlohmann::json& reply)) {
  const auto reply =
      ask_admin(given.socket.empty() ? io::find_socket("admin.sock") : given.socket, given.request);
  if (reply.has_error()) return complain(reply.error()), exit_failed;
  return print_reply(*reply, given.json, to_text, code);
}

std::string to_age(std::uint64_t milliseconds) {
  if (milliseconds < 60'000) return fmt::format("{}.{} s", milliseconds / 1000, milliseconds / 100 % 10);
  if (milliseconds < 7'200'000) return fmt::format("{} min", milliseconds / 60'000);
  return fmt::format("{} h", milliseconds / 3'600'000);
}

}  // namespace omnilink::cli
