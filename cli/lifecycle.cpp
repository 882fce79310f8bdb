// `omnilink reload`, `drain` and `stop`: what the running service is told over admin.sock.
#include "cli/admin_verb.hpp"

namespace omnilink::cli {
namespace {

using nlohmann::json;

std::string reloaded_text(const json&) { return "reloaded\n"; }

std::string ending_text(const json& reply) {
  const auto left = reply.at("connections").get<std::uint64_t>();
  return left == 1 ? "1 connection is left\n" : std::to_string(left) + " connections are left\n";
}

int reload(const admin_flags& given) { return ask_and_print(given, reloaded_text); }
int end(const admin_flags& given) { return ask_and_print(given, ending_text); }

CLI::App& add(CLI::App& program, action& chosen, const char* name, const char* summary, const char* example,
              wire::admin_verb verb, int (*run)(const admin_flags&)) {
  auto given = std::make_shared<admin_flags>();
  given->request.verb = verb;
  CLI::App& out = add_verb(program, chosen, name, summary, example, given, run);
  add_admin_flags(out, *given);
  return out;
}

}  // namespace

void add_lifecycle(CLI::App& program, action& chosen) {
  add(program, chosen, "reload", "Read the configuration file again: all of it, or nothing changes", "  omnilink reload",
      wire::admin_verb::reload, reload);
  add(program, chosen, "drain", "No new connections; the service ends when none is left, or after drain_timeout", "  omnilink drain",
      wire::admin_verb::drain, end);
  add(program, chosen, "stop", "End the service and its connections now", "  omnilink stop", wire::admin_verb::stop, end);
}

}  // namespace omnilink::cli
