// `omnilink explain`: what would become of a connection, and why; by a file, or by the running service.
#include "actors/explain.hpp"

#include "actors/rules.hpp"
#include "actors/ruling.hpp"
#include "cli/admin_verb.hpp"
#include "cli/config_file.hpp"
#include "cli/exit_code.hpp"
#include "cli/explain_text.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/filter/week_time.hpp"

namespace omnilink::cli {
namespace {

using nlohmann::json;

struct explain_flags {
  std::string file;
  std::string destination, source, at, direction = "out";
  admin_flags admin;
};

int exit_code_of(const json& explanation) {
  return explanation.at("outcome") == "blocked" ? exit_blocked : exit_done;
}

// ADDR, or ADDR:PORT.
std::string read_source(const std::string& text, wire::connection_question& out) {
  if (text.empty()) return {};
  if (const auto address = core::address::parse(text)) return out.source = *address, std::string{};
  const auto where = core::endpoint::parse(text);
  if (!where) return "--from: " + core::quoted(text) + " is not an address, as 10.0.0.7, 10.0.0.7:40312 or [::1]:40312";
  out.source = where->address;
  out.source_port = where->port;
  return {};
}

// Empty: done; otherwise what is wrong.
std::string read_question(const explain_flags& given, wire::connection_question& out) {
  out = given.admin.request.about;
  if (given.direction != "out" && given.direction != "in") return "--direction: " + core::quoted(given.direction) + " is neither out nor in";
  out.incoming = given.direction == "in";
  const auto where = core::target::parse(given.destination);
  if (!where)
    return "explain: " + core::quoted(given.destination) + " is not a host and a port, as example.org:443 or 192.0.2.1:22";
  out.destination = *where;
  if (std::string wrong = read_source(given.source, out); !wrong.empty()) return wrong;
  out.minute = given.at.empty() ? actors::minute_of_the_week() : interceptor::filter::parse_week_time(given.at);
  if (!out.minute) return "--at: " + core::quoted(given.at) + " is not a day and a time, as \"Mon 09:30\"";
  // What the service would refuse is refused without it too.
  const std::string line = wire::build_admin_request({wire::admin_verb::explain, 0, 0, out});
  const auto understood = wire::parse_admin_request(std::string_view{line}.substr(0, line.size() - 1));
  return understood ? "" : understood.error();
}

int explain_file(const explain_flags& given, const wire::connection_question& about) {
  settings found;
  interceptor::filter::engine rules;
  auto errors = read_config_file(given.file, found);
  if (errors.empty()) errors = actors::load_rules(rules, found.service);
  if (!errors.empty()) {
    for (const auto& line : errors) std::fprintf(stderr, "%s\n", line.c_str());
    return exit_config;
  }
  const chain::router chains{found.service.chains, {}};
  const json answer = actors::explain(actors::policy_of(rules).get(), found.service.callouts, chains, about, core::clock::now());
  return print_reply(answer, given.admin.json, explain_text, exit_code_of);
}

int run_explain(const explain_flags& given) {
  admin_flags asked = given.admin;
  if (const std::string wrong = read_question(given, asked.request.about); !wrong.empty())
    return complain(wrong), exit_usage;
  if (!given.file.empty()) return explain_file(given, asked.request.about);
  return ask_and_print(asked, explain_text, exit_code_of);
}

void add_question_flags(CLI::App& verb, explain_flags& given) {
  wire::connection_question& about = given.admin.request.about;
  const auto number = [&verb](const char* flag, std::optional<std::uint64_t>& into, const char* help) {
    verb.add_option(flag, into, help)->type_name("N");
  };
  const auto text = [&verb](const char* flag, std::string& into, const char* help, const char* type) {
    verb.add_option(flag, into, help)->type_name(type);
  };
  text("--from", given.source, "Where it comes from", "ADDR[:PORT]");
  text("--direction", given.direction, "in: a client brings it, or others open it to this machine; out: a program here opens it", "out|in");
  text("--host", about.host, "The name that was asked for, where DEST is an address", "NAME");
  number("--uid", about.uid, "The user");
  number("--gid", about.gid, "The group");
  number("--pid", about.pid, "The process");
  text("--exe", about.exe, "The program", "PATH");
  text("--process", about.process, "The program's short name", "NAME");
  text("--cgroup", about.cgroup, "Its control group, as /system.slice/nginx.service", "CGROUP");
  number("--netns", about.netns, "The cookie of its network namespace");
  text("--listener", about.listener, "The listener that took it, as `check` shows it", "URL");
  text("--iface", about.interface, "The network interface", "NAME");
  text("--at", given.at, "The time, as \"Mon 09:30\"; not given: now", "TIME");
}

}  // namespace

void add_explain(CLI::App& program, action& chosen) {
  auto given = std::make_shared<explain_flags>();
  given->admin.request.verb = wire::admin_verb::explain;
  CLI::App& verb = add_verb(program, chosen, "explain",
                            "What would become of a connection: which rule decides, which lost and why, and which way",
                            "  omnilink explain example.org:443                   # by the running service\n"
                            "  omnilink explain -c omnilink.toml --uid 1000 --exe /usr/bin/curl 192.0.2.7:80\n"
                            "Exit code 0: it would connect; 3: it would be blocked.",
                            given, run_explain);
  verb.add_option("DEST", given->destination, "HOST:PORT, as the program would ask for it")->required();
  CLI::Option* file = verb.add_option("-c,--config", given->file, "By this file, not by the running service");
  file->type_name("FILE");
  add_question_flags(verb, *given);
  verb.add_flag("--all", given->admin.request.about.all, "List every filter, however many do not match");
  add_admin_flags(verb, given->admin);
  file->excludes(verb.get_option("--socket"));
}

}  // namespace omnilink::cli
