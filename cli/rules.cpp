// `omnilink rules`: the filters of the running service.
#include <fmt/format.h>

#include "cli/admin_verb.hpp"
#include "cli/table.hpp"

namespace omnilink::cli {
namespace {

using nlohmann::json;

std::string number(const json& filter, const char* key) {
  return std::to_string(filter.at(key).get<std::uint64_t>());
}

std::string match_of(const json& filter) {
  std::string out;
  for (const json& condition : filter.at("match")) out += (out.empty() ? "" : ", ") + condition.get<std::string>();
  return out.empty() ? "everything" : out;
}

// How many there are beside those listed.
std::string more_of(const json& reply) {
  const auto left = reply.at("total").get<std::uint64_t>() - reply.at("rules").size();
  return left == 0 ? "" : fmt::format("… and {} more (--limit)\n", left);
}

std::string list_text(const json& reply) {
  if (reply.at("rules").empty()) return "no rules: the only chain takes every connection\n";
  table out{"ID", "LAYER", "SUBLAYER", "WEIGHT", "NAME", "OF", "ACTION", "STATE", "MATCH"};
  for (const json& f : reply.at("rules")) {
    out.add({number(f, "id"), f.at("layer"), f.at("sublayer"), number(f, "weight"), f.at("name"), f.at("provider"),
             f.at("action"), f.at("enabled").get<bool>() ? "enabled" : "disabled", match_of(f)});
  }
  return out.to_string() + more_of(reply);
}

std::string counters_text(const json& reply) {
  table out{"ID", "LAYER", "NAME", "OF", "ACTION", "HITS", "LAST HIT"};
  for (const json& f : reply.at("rules")) {
    const json& age = f.at("last_hit_ms");
    out.add({number(f, "id"), f.at("layer"), f.at("name"), f.at("provider"), f.at("action"), number(f, "hits"),
             age.is_null() ? "never" : to_age(age) + " ago"});
  }
  return out.to_string() + more_of(reply);
}

// The same rule for the other family of addresses is a filter of its own.
std::string changed_text(const json& reply) {
  const json& f = reply.at("rule");
  std::string out = fmt::format("{} {} ({}, {})\n", f.at("enabled").get<bool>() ? "enabled" : "disabled",
                                number(f, "id"), f.at("name").get<std::string>(), f.at("layer").get<std::string>());
  for (const json& twin : reply.at("twins")) {
    out += fmt::format("{} is the same rule in {}; it is {}\n", number(twin, "id"), twin.at("layer").get<std::string>(),
                       twin.at("enabled").get<bool>() ? "enabled" : "disabled");
  }
  return out;
}

int list_rules(const admin_flags& given) {
  return ask_and_print(given, list_text);
}
int counters(const admin_flags& given) {
  return ask_and_print(given, counters_text);
}
int change(const admin_flags& given) {
  return ask_and_print(given, changed_text);
}

void add_listing(CLI::App& verb, admin_flags& given) {
  add_admin_flags(verb, given);
  verb.add_option("--limit", given.request.limit, "At most so many")
      ->check(CLI::Range(std::uint64_t{1}, wire::admin_list_max))
      ->type_name("N")
      ->capture_default_str();
}

std::shared_ptr<admin_flags> asking(wire::admin_verb verb) {
  auto out = std::make_shared<admin_flags>();
  out->request.verb = verb;
  return out;
}

void add_change(CLI::App& rules, action& chosen, const char* name, const char* summary, const char* example,
                wire::admin_verb asked) {
  auto given = asking(asked);
  CLI::App& verb = add_verb(rules, chosen, name, summary, example, given, change);
  add_admin_flags(verb, *given);
  verb.add_option("ID", given->request.id, "As in `omnilink rules`")->required()->type_name("ID");
}

}  // namespace

void add_rules(CLI::App& program, action& chosen) {
  auto all = asking(wire::admin_verb::rules_list);
  CLI::App& rules = add_verb(program, chosen, "rules", "The running service's rules, as the filters that they are",
                             "  omnilink rules\n  omnilink rules disable 4294967298", all, list_rules);
  add_listing(rules, *all);

  auto listed = asking(wire::admin_verb::rules_list);
  add_listing(add_verb(rules, chosen, "list", "The same", "  omnilink rules list --limit 20", listed, list_rules), *listed);

  auto counted = asking(wire::admin_verb::rules_list);
  add_listing(add_verb(rules, chosen, "counters", "How often each matched, and when last",
                       "  omnilink rules counters --json | jq '.rules[] | select(.hits == 0)'", counted, counters),
              *counted);

  add_change(rules, chosen, "enable", "Ask a disabled one again",
             "  omnilink rules enable 4294967298", wire::admin_verb::rules_enable);
  add_change(rules, chosen, "disable", "Ask one no more until it is enabled or the file is read again; live ones: by on_change",
             "  omnilink rules disable 4294967298", wire::admin_verb::rules_disable);
}

}  // namespace omnilink::cli
