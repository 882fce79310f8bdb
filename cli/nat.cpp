#include "cli/admin_verb.hpp"
#include "cli/exit_code.hpp"
#include "cli/table.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

using nlohmann::json;

std::string flows_text(const json& reply) {
  table out{"SOURCE", "ORIGINAL", "DIALLED", "STATE", "CARRIER", "CHAIN", "CONNECTION", "AGE"};
  for (const json& f : reply.at("flows")) {
    out.add({f.at("source"), f.at("original"), f.at("dialled"), f.at("state"), f.at("carrier"), f.at("chain"),
             std::to_string(f.at("connection").get<std::uint64_t>()), to_age(f.at("age_ms"))});
  }
  return out.to_string();
}

std::string stats_text(const json& reply) {
  table out{"COUNTER", "VALUE"};
  for (const char* key : {"live", "announced", "closed", "capacity", "inserted", "expired", "refused", "replaced", "erased", "loops", "denied"}) {
    out.add({key, std::to_string(reply.at(key).get<std::uint64_t>())});
  }
  return out.to_string();
}

std::uint64_t deleted(const json& reply) {
  return reply.at("deleted").get<std::uint64_t>();
}
std::string deleted_text(const json& reply) {
  const std::uint64_t count = deleted(reply);
  return count == 0 ? "no such connection\n" : "deleted " + std::to_string(count) + "\n";
}
int deleted_code(const json& reply) {
  return deleted(reply) != 0 ? exit_done : exit_failed;
}

struct delete_flags : admin_flags {
  std::string source;
};

int delete_entries(const delete_flags& given) {
  admin_flags asked = given;
  const auto source = wire::parse_admin_source(given.source);
  if (!source) {
    complain("nat delete: " + core::quoted(given.source) + " is not ADDR:PORT, as 127.0.0.1:40312 or [::1]:40312");
    return exit_usage;
  }
  asked.request.source = *source;
  return ask_and_print(asked, deleted_text, deleted_code);
}

int list_entries(const admin_flags& given) {
  return ask_and_print(given, flows_text);
}
int stats(const admin_flags& given) {
  return ask_and_print(given, stats_text);
}

}  // namespace

void add_nat(CLI::App& program, action& chosen) {
  CLI::App& nat = *program.add_subcommand("nat", "The service's table of intercepted connections");
  nat.footer("Example:\n  omnilink nat list --limit 20");

  auto listed = std::make_shared<admin_flags>();
  listed->request.verb = wire::admin_verb::nat_list;
  CLI::App& list_verb = add_verb(nat, chosen, "list", "Connections and where they wanted to go",
                                 "  omnilink nat list --limit 20", listed, list_entries);
  add_admin_flags(list_verb, *listed);
  list_verb.add_option("--limit", listed->request.limit, "At most so many")
      ->check(CLI::Range(std::uint64_t{1}, wire::admin_list_max))
      ->type_name("N")
      ->capture_default_str();

  auto counted = std::make_shared<admin_flags>();
  counted->request.verb = wire::admin_verb::nat_stats;
  CLI::App& stats_verb =
      add_verb(nat, chosen, "stats", "Counters of the table", "  omnilink nat stats --json", counted, stats);
  add_admin_flags(stats_verb, *counted);

  auto deleting = std::make_shared<delete_flags>();
  deleting->request.verb = wire::admin_verb::nat_delete;
  CLI::App& delete_verb = add_verb(nat, chosen, "delete", "Forget a connection that has ended, or that another\nprogram carries",
                                   "  omnilink nat delete 127.0.0.1:40312", deleting, delete_entries);
  add_admin_flags(delete_verb, *deleting);
  delete_verb.add_option("ADDR:PORT", deleting->source, "Its source; \":PORT\" is any address with it")->required();
}

}  // namespace omnilink::cli
