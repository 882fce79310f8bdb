// `omnilink completion`: what a shell needs to complete omnilink's words, printed from the verbs and flags themselves.
#include <algorithm>
#include <cstdio>

#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"

namespace omnilink::cli {
namespace {

struct completion_flags {
  const CLI::App* program;
  std::string shell;
};

using text = std::string;

text first_line(const text& from) { return from.substr(0, from.find('\n')); }

// Each of `marks` behind a backslash.
text escaped(const text& from, std::string_view marks) {
  text out;
  for (const char c : from) {
    if (marks.find(c) != marks.npos) out += '\\';
    out += c;
  }
  return out;
}

text join(const std::vector<text>& parts, const char* between) {
  text out;
  for (const text& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

std::vector<const CLI::Option*> flags_of(const CLI::App& of) {
  return of.get_options([](const CLI::Option* o) { return o->nonpositional(); });
}

// "nat list"
text path_of(const CLI::App& verb) {
  const text above = verb.get_parent() ? path_of(*verb.get_parent()) : text{};
  if (!verb.get_parent()) return {};
  return above.empty() ? verb.get_name() : above + " " + verb.get_name();
}

std::vector<text> names_of(const CLI::Option& flag) {
  std::vector<text> out;
  for (const text& name : flag.get_snames()) out.push_back("-" + name);
  for (const text& name : flag.get_lnames()) out.push_back("--" + name);
  return out;
}

bool takes_value(const CLI::Option& flag) { return flag.get_items_expected_min() > 0; }
bool takes_file(const CLI::Option& flag) { return flag.get_type_name() == "FILE" || flag.get_type_name() == "PATH"; }
// The help of `exec` names the command as if it were its own word.
bool runs_command(const CLI::App& verb) { return verb.get_name() == "exec"; }

void walk(const CLI::App& from, const std::function<void(const CLI::App&)>& visit) {
  visit(from);
  for (const CLI::App* verb : verbs_of(from)) walk(*verb, visit);
}

text bash_words(const CLI::App& verb) {
  std::vector<text> words;
  for (const CLI::App* nested : verbs_of(verb)) words.push_back(nested->get_name());
  for (const CLI::Option* flag : flags_of(verb)) std::ranges::copy(names_of(*flag), std::back_inserter(words));
  return join(words, " ");
}

text bash(const CLI::App& program) {
  text steps, values, words;
  walk(program, [&](const CLI::App& verb) {
    const text path = path_of(verb);
    for (const CLI::App* nested : verbs_of(verb)) steps += "      '" + path + "/" + nested->get_name() + "') verb='" + path_of(*nested) + "' ;;\n";
    for (const CLI::Option* flag : flags_of(verb)) {
      if (!takes_value(*flag)) continue;
      std::vector<text> patterns;
      for (const text& name : names_of(*flag)) patterns.push_back("'" + path + "/" + name + "'");
      values += "    " + join(patterns, "|") + ") " + (takes_file(*flag) ? "files" : "nothing") + "=1 ;;\n";
    }
    words += "    '" + path + "') words='" + bash_words(verb) + "' ;;\n";
  });
  return R"(# bash completion of omnilink: source <(omnilink completion bash)
_omnilink() {
  local word=${COMP_WORDS[COMP_CWORD]} verb='' words='' files='' nothing='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ $verb == exec && ${COMP_WORDS[i]} == -- ]]; then
      if declare -F _command_offset >/dev/null; then
        _command_offset $((i + 1))
      elif ((i + 1 == COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi
      return
    fi
    case "$verb/${COMP_WORDS[i]}" in
)" + steps + R"(    esac
  done
  case "$verb/${COMP_WORDS[COMP_CWORD-1]}" in
)" + values + R"(  esac
  [[ -z $nothing ]] || return 0
  if [[ -n $files ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    compopt -o filenames 2>/dev/null
    return 0
  fi
  case "$verb" in
)" + words + R"(  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  if [[ $verb == exec && $word != -* ]]; then mapfile -t COMPREPLY < <(compgen -c -- "$word"); fi
  return 0
}
complete -F _omnilink omnilink
)";
}

text zsh_flag(const CLI::Option& flag) {
  const std::vector<text> names = names_of(flag);
  const text about = "[" + escaped(first_line(flag.get_description()), "[]:\\") + "]";
  const text value = !takes_value(flag) ? "" : takes_file(flag) ? ":file:_files" : ":value:";
  text out;
  // Each may be given again; what may not, omnilink says itself.
  for (const text& name : names) out += " '*" + name + about + value + "'";
  return out;
}

text zsh(const CLI::App& program) {
  text paths, cases;
  walk(program, [&](const CLI::App& verb) {
    const text path = path_of(verb);
    text line = "    '" + path + "')";
    if (!verbs_of(verb).empty()) {
      line += " verbs=(";
      for (const CLI::App* nested : verbs_of(verb)) {
        line += " '" + nested->get_name() + ":" + escaped(first_line(nested->get_description()), ":\\") + "'";
        paths += "      '" + path + "/" + nested->get_name() + "') verb='" + path_of(*nested) + "'; (( at = i )) ;;\n";
      }
      line += " ); _describe verb verbs;";
    }
    line += " _arguments -S";
    for (const CLI::Option* flag : flags_of(verb)) line += zsh_flag(*flag);
    if (runs_command(verb)) line += " '*::command:_normal'";
    cases += line + " ;;\n";
  });
  return R"(#compdef omnilink
# zsh completion of omnilink: omnilink completion zsh >~/.zfunc/_omnilink
_omnilink() {
  local verb='' i at=1
  local -a verbs
  for ((i = 2; i < CURRENT; i++)); do
    case "$verb/$words[i]" in
)" + paths + R"(    esac
  done
  shift $((at - 1)) words
  (( CURRENT -= at - 1 ))
  case "$verb" in
)" + cases + R"(  esac
}
if [[ $funcstack[1] == _omnilink ]]; then _omnilink "$@"; else compdef _omnilink omnilink; fi
)";
}

text fish_condition(const CLI::App& verb) {
  if (!verb.get_parent()) return "__fish_use_subcommand";
  text out = "__fish_seen_subcommand_from " + verb.get_name();
  if (verb.get_parent()->get_parent()) out = fish_condition(*verb.get_parent()) + "; and " + out;
  return out;
}

text fish(const CLI::App& program) {
  text out = "# fish completion of omnilink: omnilink completion fish >~/.config/fish/completions/omnilink.fish\ncomplete -c omnilink -f\n";
  const auto about = [](const text& description) { return " -d '" + escaped(first_line(description), "'\\") + "'\n"; };
  walk(program, [&](const CLI::App& verb) {
    const text line = "complete -c omnilink -n '" + fish_condition(verb) + "'";
    for (const CLI::App* nested : verbs_of(verb)) out += line + " -a " + nested->get_name() + about(nested->get_description());
    for (const CLI::Option* flag : flags_of(verb)) {
      out += line;
      for (const text& name : flag->get_snames()) out += " -s " + name;
      for (const text& name : flag->get_lnames()) out += " -l " + name;
      out += (takes_value(*flag) ? takes_file(*flag) ? " -r -F" : " -x" : "") + about(flag->get_description());
    }
    if (runs_command(verb)) out += line + " -a '(__fish_complete_subcommand)'\n";
  });
  return out;
}

int print_completion(const completion_flags& given) {
  const text out = given.shell == "bash" ? bash(*given.program) : given.shell == "zsh" ? zsh(*given.program) : fish(*given.program);
  std::fwrite(out.data(), 1, out.size(), stdout);
  return exit_done;
}

}  // namespace

void add_completion(CLI::App& program, action& chosen) {
  auto given = std::make_shared<completion_flags>(completion_flags{&program, {}});
  CLI::App& verb = add_verb(program, chosen, "completion", "Print a shell's completion of omnilink's words",
                            "  source <(omnilink completion bash)\n"
                            "  omnilink completion fish >~/.config/fish/completions/omnilink.fish",
                            given, print_completion);
  verb.add_option("SHELL", given->shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace omnilink::cli
