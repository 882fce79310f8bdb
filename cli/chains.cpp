// `omnilink chains`: the chains in use, and how each hop fares.
#include <fmt/format.h>

#include "cli/admin_verb.hpp"
#include "cli/table.hpp"

namespace omnilink::cli {
namespace {

using nlohmann::json;

std::string to_milliseconds(const json& average) { return average.is_null() ? "-" : fmt::format("{:.1f} ms", average.get<double>()); }

std::string state_of(const json& hop) {
  if (hop.at("failing_ms").is_null()) return hop.at("state");
  return fmt::format("failing for {}, {} in a row", to_age(hop.at("failing_ms")), hop.at("consecutive_failures").get<std::uint64_t>());
}

std::string last_failure_of(const json& hop) {
  const json& failure = hop.at("last_failure");
  if (failure.is_null()) return "-";
  return to_age(failure.at("age_ms")) + " ago: " + failure.at("text").get<std::string>();
}

std::string chains_text(const json& reply) {
  table out{"CHAIN", "HOP", "URL", "STATE", "OK", "NOW", "CONNECT", "TLS", "REQUEST", "LAST FAILURE"};
  for (const json& chain : reply.at("chains")) {
    for (const json& h : chain.at("hops")) {
      out.add({chain.at("chain"), h.at("hop"), h.at("url"), state_of(h),
               fmt::format("{}/{}", h.at("successes").get<std::uint64_t>(), h.at("outcomes").get<std::uint64_t>()),
               std::to_string(h.at("connections").get<std::uint64_t>()), to_milliseconds(h.at("connect_ms")),
               to_milliseconds(h.at("tls_ms")), to_milliseconds(h.at("request_ms")), last_failure_of(h)});
    }
    if (chain.at("hops").empty()) {
      out.add({chain.at("chain"), "-", "-", "-", "-", std::to_string(chain.at("connections").get<std::uint64_t>()), "-", "-", "-", "-"});
    }
  }
  return out.to_string();
}

int list_chains(const admin_flags& given) { return ask_and_print(given, chains_text); }

}  // namespace

void add_chains(CLI::App& program, action& chosen) {
  auto given = std::make_shared<admin_flags>();
  given->request.verb = wire::admin_verb::chains;
  CLI::App& verb = add_verb(program, chosen, "chains",
                            "The chains in use, and how each of their hops fares",
                            "  omnilink chains\n"
                            "  omnilink chains --json | jq '.chains[].hops[] | select(.state == \"failing\")'",
                            given, list_chains);
  add_admin_flags(verb, *given);
}

}  // namespace omnilink::cli
