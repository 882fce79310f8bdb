// The verbs, one file each: every function adds its verb with its flags to the program, and sets `chosen`
// when the user typed it. The action then runs when the whole line was understood, and returns the exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace omnilink::cli {

using action = std::function<int()>;

void add_run(CLI::App& program, action& chosen);
/// `command`: CMD and its arguments, which are not omnilink's to read.
void add_exec(CLI::App& program, action& chosen, const std::vector<std::string>& command);
void add_demo(CLI::App& program, action& chosen);
void add_check(CLI::App& program, action& chosen);
void add_explain(CLI::App& program, action& chosen);
void add_rules(CLI::App& program, action& chosen);
void add_query(CLI::App& program, action& chosen);
/// The privileged half of `run`.
void add_netd(CLI::App& program, action& chosen);
void add_nat(CLI::App& program, action& chosen);
void add_connections(CLI::App& program, action& chosen);
void add_chains(CLI::App& program, action& chosen);
void add_metrics(CLI::App& program, action& chosen);
void add_doctor(CLI::App& program, action& chosen);
void add_cleanup(CLI::App& program, action& chosen);
/// reload, drain, stop
void add_lifecycle(CLI::App& program, action& chosen);
/// Of all that was added to the program.
void add_completion(CLI::App& program, action& chosen);
void add_version(CLI::App& program, action& chosen);

/// Adds a verb whose help ends with examples, one per line. Its `flags` live as long as the program.
template <class Flags>
CLI::App& add_verb(CLI::App& program, action& chosen, const char* name, const char* summary,
                   const char* examples, std::shared_ptr<Flags> flags, int (*run)(const Flags&)) {
  CLI::App& verb = *program.add_subcommand(name, summary);
  verb.footer(std::string{"Example:\n"} + examples);
  verb.callback([&chosen, &verb, flags, run] {
    // A nested verb's callback came first, and counts.
    if (verb.get_subcommands().empty()) chosen = [flags, run] { return run(*flags); };
  });
  return verb;
}

/// Those that can follow this one, or the program.
std::vector<const CLI::App*> verbs_of(const CLI::App& of);

/// One line on stderr: "omnilink: …".
void complain(std::string_view line);

}  // namespace omnilink::cli
