#include "cli/admin_verb.hpp"
#include "cli/exit_code.hpp"
#include "cli/table.hpp"

namespace omnilink::cli {
namespace {

using nlohmann::json;

// "curl(4711)", as far as it is known.
std::string program_of(const json& connection) {
  const json& who = connection.at("program");
  if (who.is_null()) return {};
  const std::string pid = who.contains("pid") ? "(" + std::to_string(who.at("pid").get<std::uint64_t>()) + ")" : std::string{};
  if (const std::string name = who.value("process", ""); !name.empty()) return name + pid;
  return who.contains("uid") ? "uid " + std::to_string(who.at("uid").get<std::uint64_t>()) : std::string{};
}

std::string connections_text(const json& reply) {
  table out{"ID", "SOURCE", "DESTINATION", "CHAIN", "PHASE", "UP", "DOWN", "AGE", "PROGRAM"};
  for (const json& c : reply.at("connections")) {
    const auto number = [&c](const char* key) { return std::to_string(c.at(key).get<std::uint64_t>()); };
    out.add({number("id"), c.at("source"), c.at("destination"), c.at("chain"), c.at("phase"), number("up"),
             number("down"), to_age(c.at("age_ms")), program_of(c)});
  }
  return out.to_string();
}

bool was_killed(const json& reply) {
  return reply.at("killed").get<bool>();
}
std::string killed_text(const json& reply) {
  return was_killed(reply) ? "killed\n" : "no such connection\n";
}
int killed_code(const json& reply) {
  return was_killed(reply) ? exit_done : exit_failed;
}

int list_connections(const admin_flags& given) {
  return ask_and_print(given, connections_text);
}
int kill(const admin_flags& given) {
  return ask_and_print(given, killed_text, killed_code);
}

}  // namespace

void add_connections(CLI::App& program, action& chosen) {
  auto listed = std::make_shared<admin_flags>();
  listed->request.verb = wire::admin_verb::connections;
  CLI::App& verb = add_verb(program, chosen, "connections", "The service's running connections",
                            "  omnilink connections\n  omnilink connections kill 7", listed, list_connections);
  add_admin_flags(verb, *listed);
  verb.add_option("--limit", listed->request.limit, "At most so many")
      ->check(CLI::Range(std::uint64_t{1}, wire::admin_list_max))
      ->type_name("N")
      ->capture_default_str();

  auto killed = std::make_shared<admin_flags>();
  killed->request.verb = wire::admin_verb::connections_kill;
  CLI::App& kill_verb = add_verb(verb, chosen, "kill", "End one connection, with an RST both ways",
                                 "  omnilink connections kill 7", killed, kill);
  add_admin_flags(kill_verb, *killed);
  kill_verb.add_option("ID", killed->request.id, "As in `omnilink connections`")->required();
}

}  // namespace omnilink::cli
