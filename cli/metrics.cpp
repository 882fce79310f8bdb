// `omnilink metrics`: the service's counters, for Prometheus and its like.
#include "cli/admin_verb.hpp"

namespace omnilink::cli {
namespace {

std::string metrics_text(const nlohmann::json& reply) { return reply.at("metrics"); }

int print_metrics(const admin_flags& given) { return ask_and_print(given, metrics_text); }

}  // namespace

void add_metrics(CLI::App& program, action& chosen) {
  auto given = std::make_shared<admin_flags>();
  given->request.verb = wire::admin_verb::metrics;
  CLI::App& verb = add_verb(program, chosen, "metrics", "The service's counters, in the text format of Prometheus",
                            "  omnilink metrics\n"
                            "  omnilink metrics >/var/lib/prometheus/node-exporter/omnilink.prom   # textfile collector",
                            given, print_metrics);
  add_admin_flags(verb, *given);
}

}  // namespace omnilink::cli
