#include <cstdio>
#include <nlohmann/json.hpp>

#include "chain/tls_contexts.hpp"
#include "cli/config_file.hpp"
#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"

namespace omnilink::cli {
namespace {

struct check_flags {
  std::string file;
  bool json = false;
};

// Everything that a start would find, but for what depends on the machine's state: ports in use, privileges.
std::vector<std::string> errors_of(const std::string& file, settings& into, std::vector<std::string>& warnings) {
  if (auto errors = read_config_file(file, into); !errors.empty()) return errors;
  const auto tls = chain::tls_contexts::load(into.service.chains);
  if (tls.has_error()) return {file + ": " + tls.error()};
  for (const auto& line : tls->warnings()) warnings.push_back(file + ": warning: " + line);
  return {};
}

std::string summary_of(const settings& good) {
  std::string out;
  for (const auto& l : good.service.listeners) out += "  listens on " + l.to_string() + "\n";
  for (const auto& c : good.service.chains) {
    out += "  chain " + c.name + ":";
    for (const auto& h : c.hops) out += (&h == &c.hops.front() ? " " : " -> ") + h.to_string();
    out += "\n";
  }
  const std::size_t rules = good.service.rules.size() + good.service.filters.size();
  if (rules != 0) out += "  rules: " + std::to_string(rules) + "; what meets none is rejected\n";
  else if (good.service.chains.empty()) out += "  no chain: connections go to their target directly\n";
  return out;
}

int check(const check_flags& given) {
  settings found;
  std::vector<std::string> warnings;
  const auto errors = errors_of(given.file, found, warnings);
  if (given.json) {
    const nlohmann::ordered_json out{{"valid", errors.empty()}, {"errors", errors}, {"warnings", warnings}};
    std::printf("%s\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else if (errors.empty()) {
    for (const auto& line : warnings) std::fprintf(stderr, "%s\n", line.c_str());
    std::printf("%s is valid\n%s", given.file.c_str(), summary_of(found).c_str());
  } else {
    for (const auto& line : errors) std::fprintf(stderr, "%s\n", line.c_str());
  }
  return errors.empty() ? exit_done : exit_config;
}

}  // namespace

void add_check(CLI::App& program, action& chosen) {
  auto given = std::make_shared<check_flags>();
  CLI::App& verb = add_verb(program, chosen, "check", "Validate a configuration file; starts nothing",
                            "  omnilink check -c /etc/omnilink/omnilink.toml", given, check);
  verb.add_option("-c,--config", given->file, "The file")->required()->type_name("FILE");
  verb.add_flag("--json", given->json, "Print JSON");
}

}  // namespace omnilink::cli
