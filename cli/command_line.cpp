#include "cli/command_line.hpp"

#include <algorithm>
#include <cstdio>

#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

using word_list = std::vector<std::string>;

bool takes_value(const CLI::App& verb, const std::string& flag) {
  const CLI::Option* option = verb.get_option_no_throw(flag);
  return option && option->get_items_expected_min() > 0;
}

// How many of the words belong to a flag that is `flag`: 2 for "-F URL" and "--forward URL", else 1.
std::size_t words_of(const CLI::App& verb, const std::string& flag) {
  if (flag.starts_with("--")) return takes_value(verb, flag) ? 2 : 1;
  // A cluster: in "-vF URL" and "-vFURL" the first letter with a value ends it.
  for (std::size_t i = 1; i < flag.size(); ++i) {
    if (takes_value(verb, {'-', flag[i]})) return i + 1 == flag.size() ? 2 : 1;
  }
  return 1;
}

// Cuts CMD off: all behind "--", or from the first word on that is no flag. What CMD's own flags mean is not
// our business.
word_list cut_command(const CLI::App& verb, word_list& arguments) {
  std::size_t at = 1;
  while (at < arguments.size() && arguments[at].starts_with('-') && arguments[at] != "-" &&
         arguments[at] != "--") {
    at += words_of(verb, arguments[at]);
  }
  at = std::min(at, arguments.size());
  const bool marked = at < arguments.size() && arguments[at] == "--";
  word_list out{arguments.begin() + static_cast<std::ptrdiff_t>(at + marked), arguments.end()};
  arguments.resize(at);
  return out;
}

// The innermost verb that was understood, or the first on the way to it that was given a word that it does
// not know.
const CLI::App& blamed(const CLI::App& program) {
  const CLI::App* at = &program;
  while (at->remaining().empty() && !at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

// The word that nobody knows, and what it may have been meant to be.
std::string describe_unknown(const CLI::App& verb, const std::string& word) {
  std::vector<std::string> known;
  if (word.starts_with('-')) {
    for (const CLI::Option* option : verb.get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
  } else {
    for (const CLI::App* nested : verbs_of(verb)) known.push_back(nested->get_name());
  }
  // What stands behind the name may be a URL with a password.
  const bool is_short = word.starts_with('-') && !word.starts_with("--");
  const std::string flag =
      is_short ? word.substr(0, 2) : word.substr(0, std::min(word.find('='), word.find("://")));
  const std::vector<std::string_view> views{known.begin(), known.end()};
  const char* kind = word.starts_with('-') ? "unknown option "
                     : known.empty()       ? "unexpected argument "
                                           : "unknown verb ";
  // A stray argument may be a URL as well, and has nothing to be compared with.
  const bool shown = word.starts_with('-') || word.find("://") == word.npos;
  return kind + (shown ? core::quoted(flag) : "(a URL)") + core::did_you_mean(flag, views);
}

int usage(const CLI::App& verb, std::string_view problem, int code) {
  std::string path = verb.get_name();
  for (const CLI::App* up = verb.get_parent(); up; up = up->get_parent()) path = up->get_name() + " " + path;
  std::fprintf(stderr, "%s: %.*s\ntry: %s --help\n", path.c_str(), static_cast<int>(problem.size()),
               problem.data(), path.c_str());
  return code;
}

int parse_and_run(CLI::App& program, word_list arguments, const action& chosen, int usage_code) {
  std::string problem;
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    program.parse(std::move(arguments));
  } catch (const CLI::Success& wanted) {
    return program.exit(wanted);  // help
  } catch (const CLI::ParseError& wrong) {
    problem = wrong.what();
  }
  const CLI::App& verb = blamed(program);
  if (const word_list unknown = verb.remaining(); !unknown.empty()) {
    return usage(verb, describe_unknown(verb, unknown.front()), usage_code);
  }
  if (!problem.empty()) return usage(verb, problem, usage_code);
  if (!chosen) return usage(verb, "a verb is missing", usage_code);
  return chosen();
}

}  // namespace

int run_command_line(word_list arguments) {
  CLI::App program{
      "omnilink sends the TCP connections of a program, a machine or a network through a chain of proxies.",
      "omnilink"};
  action chosen;
  word_list command;
  program.footer("Example:\n  omnilink exec -F socks5://proxy.example:1080 -- curl https://example.org/");
  add_run(program, chosen);
  add_netd(program, chosen);
  add_exec(program, chosen, command);
  add_demo(program, chosen);
  add_check(program, chosen);
  add_explain(program, chosen);
  add_rules(program, chosen);
  add_query(program, chosen);
  add_nat(program, chosen);
  add_connections(program, chosen);
  add_chains(program, chosen);
  add_metrics(program, chosen);
  add_lifecycle(program, chosen);
  add_doctor(program, chosen);
  add_cleanup(program, chosen);
  add_completion(program, chosen);
  add_version(program, chosen);
  // What is left over is looked at here, where the nearest known word can be said.
  program.allow_extras();
  for (CLI::App* verb : program.get_subcommands([](CLI::App*) { return true; })) {
    verb->allow_extras();
    for (CLI::App* nested : verb->get_subcommands([](CLI::App*) { return true; })) nested->allow_extras();
  }
  if (arguments.empty() || arguments[0] != "exec")
    return parse_and_run(program, std::move(arguments), chosen, exit_usage);
  command = cut_command(*program.get_subcommand("exec"), arguments);
  return parse_and_run(program, std::move(arguments), chosen, exit_exec);
}

std::vector<const CLI::App*> verbs_of(const CLI::App& of) {
  return of.get_subcommands([](const CLI::App*) { return true; });
}

void complain(std::string_view line) {
  std::fprintf(stderr, "omnilink: %.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace omnilink::cli
