// `omnilink doctor`: what is possible here, and what was left behind.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.hpp"
#include "cli/table.hpp"
#include "cli/verbs.hpp"
#include "interceptor/probe.hpp"
#include "interceptor/traces.hpp"

namespace omnilink::cli {
namespace {

struct doctor_flags {
  bool json = false;
};

std::string to_text(const std::vector<interceptor::finding>& findings, const interceptor::traces& left) {
  table out{"SUBJECT", "STATE", "DETAIL"};
  for (const auto& f : findings) out.add({f.subject, f.good ? "ok" : "no", f.detail});
  if (!left.problem.empty()) out.add({"left in the kernel", "?", left.problem});
  else if (left.found.empty()) out.add({"left in the kernel", "ok", "nothing"});
  for (const auto& t : left.found)
    out.add({t.what, t.in_use ? "ok" : "left", t.meaning + (t.in_use ? "" : "; `omnilink cleanup` removes it")});
  return out.to_string();
}

std::string to_json(const std::vector<interceptor::finding>& findings, const interceptor::traces& left) {
  nlohmann::ordered_json out{{"findings", nlohmann::ordered_json::array()}, {"traces", nlohmann::ordered_json::array()}};
  for (const auto& f : findings) out["findings"].push_back({{"subject", f.subject}, {"ok", f.good}, {"detail", f.detail}});
  for (const auto& t : left.found) out["traces"].push_back({{"what", t.what}, {"meaning", t.meaning}, {"in_use", t.in_use}});
  if (!left.problem.empty()) out["traces_problem"] = left.problem;
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int run_doctor(const doctor_flags& given) {
  const auto findings = interceptor::probe_kernel();
  const auto left = interceptor::find_traces();
  const std::string text = given.json ? to_json(findings, left) : to_text(findings, left);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return exit_done;
}

}  // namespace

void add_doctor(CLI::App& program, action& chosen) {
  auto given = std::make_shared<doctor_flags>();
  CLI::App& verb = add_verb(program, chosen, "doctor", "What this kernel and these privileges allow, and what was left behind",
                            "  omnilink doctor\n  sudo omnilink doctor --json", given, run_doctor);
  verb.add_flag("--json", given->json, "Print JSON");
}

}  // namespace omnilink::cli
