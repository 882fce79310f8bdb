// `omnilink cleanup`: removes every trace in the kernel that no running omnilink uses.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"
#include "interceptor/traces.hpp"

namespace omnilink::cli {
namespace {

struct cleanup_flags {
  bool json = false;
};

int clean_up(const cleanup_flags& given) {
  const auto left = interceptor::find_traces();
  if (std::string wrong = interceptor::remove_traces(left); !wrong.empty()) return complain(wrong), exit_failed;
  auto removed = nlohmann::json::array(), kept = nlohmann::json::array();
  for (const auto& t : left.found) (t.in_use ? kept : removed).push_back(t.what);
  if (given.json) {
    std::printf("%s\n", nlohmann::json{{"removed", removed}, {"in_use", kept}}.dump().c_str());
    return exit_done;
  }
  for (const auto& t : left.found) {
    std::printf("%s: %s\n", t.what.c_str(), t.in_use ? "in use by a running omnilink; `omnilink stop` ends it" : "removed");
  }
  if (left.found.empty()) std::printf("nothing is left\n");
  return exit_done;
}

}  // namespace

void add_cleanup(CLI::App& program, action& chosen) {
  auto given = std::make_shared<cleanup_flags>();
  CLI::App& verb = add_verb(program, chosen, "cleanup", "Remove what an omnilink that is gone left in the kernel",
                            "  sudo omnilink cleanup", given, clean_up);
  verb.add_flag("--json", given->json, "Print JSON");
}

}  // namespace omnilink::cli
