#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.hpp"
#include "cli/socket_client.hpp"
#include "cli/verbs.hpp"
#include "core/nearest_word.hpp"
#include "io/socket_paths.hpp"

namespace omnilink::cli {
namespace {

using wire::nat_answer;
using wire::nat_question;

struct query_flags {
  std::string source;
  std::string socket;
  bool json = false;
  bool watch = false;
};

// ":40312" is every address with that port.
bool parse_source(std::string_view text, nat_question& out) {
  if (text.starts_with(':')) {
    const auto port = core::parse_port(text.substr(1));
    out.what = nat_question::kind::source_port;
    out.source.port = port.value_or(0);
    return port.has_value();
  }
  const auto where = core::endpoint::parse(text);
  out.what = nat_question::kind::source;
  out.source = where.value_or(core::endpoint{});
  return where && where->port != 0;
}

const char* name_of(nat_answer::status status) {
  switch (status) {
    case nat_answer::status::live:
      return "live";
    case nat_answer::status::closed:
      return "closed";
    case nat_answer::status::ambiguous:
      return "ambiguous";
    case nat_answer::status::miss:
      return "miss";
    case nat_answer::status::error:
      return "error";
    case nat_answer::status::erased:
      return "erased";
    case nat_answer::status::stats:
      return "stats";
    case nat_answer::status::subscribed:
      return "subscribed";
    case nat_answer::status::opened:
      return "opened";
    case nat_answer::status::ended:
      return "ended";
    case nat_answer::status::lost:
      return "lost";
  }
  return "error";
}

constexpr std::uint32_t unknown_id = 0xffffffff;

bool is_hit(const nat_answer& answer) {
  return answer.what == nat_answer::status::live || answer.what == nat_answer::status::closed;
}

nlohmann::ordered_json to_json(const nat_answer& answer) {
  nlohmann::ordered_json out{{"status", name_of(answer.what)}, {"matches", answer.matches}};
  if (!answer.is_flow()) return out;
  out["original"] = answer.original.to_string();
  out["dialled"] = answer.dialled.to_string();
  out["source"] = answer.source.to_string();
  out["local"] = answer.local.to_string();
  out["carrier"] = answer.carrier == wire::nat_carrier::omnilink ? "omnilink" : "other";
  out["chain"] = answer.chain;
  if (!answer.rule.empty()) out["rule"] = answer.rule;
  out["connection"] = answer.connection;
  out["generation"] = answer.generation;
  out["age_ms"] = answer.age_ms;
  out["closed_ms"] = answer.closed_ms;
  out["remaining_ms"] = answer.remaining_ms;
  if (answer.uid != unknown_id) out["uid"] = answer.uid;
  if (answer.gid != unknown_id) out["gid"] = answer.gid;
  if (answer.pid != 0) out["pid"] = answer.pid;
  if (!answer.exe.empty()) out["exe"] = answer.exe;
  if (!answer.process.empty()) out["process"] = answer.process;
  if (!answer.cgroup.empty()) out["cgroup"] = answer.cgroup;
  return out;
}

int report(const nat_answer& answer, const query_flags& given) {
  if (given.json) std::printf("%s\n", to_json(answer).dump().c_str());
  if (is_hit(answer)) {
    if (!given.json) std::printf("%s\n", answer.original.to_string().c_str());
    return exit_done;
  }
  switch (answer.what) {
    case nat_answer::status::miss:
      complain("no intercepted connection comes from " + given.source + ", or none that you may see");
      return exit_miss;
    case nat_answer::status::ambiguous:
      complain(std::to_string(answer.matches) + " connections come from " + given.source +
               "; see omnilink nat list");
      return exit_failed;
    default:
      complain(answer.error == wire::nat_error::busy
                   ? "the service has too many questions; ask again later"
                   : "the service could not answer; is it of another version?");
      return exit_failed;
  }
}

// "opened  127.0.0.1:40312  example.org:443  out  curl[4711]"
std::string event_line(const nat_answer& event) {
  if (event.what == nat_answer::status::lost) return "lost  " + std::to_string(event.matches) + " events: this reader was too slow";
  std::string out = std::string{name_of(event.what)} + "  " + event.source.to_string() + "  " + event.original.to_string();
  if (!event.chain.empty()) out += "  " + event.chain;
  if (event.carrier == wire::nat_carrier::other) out += "  (another program's)";
  if (!event.process.empty()) out += "  " + event.process + (event.pid != 0 ? "[" + std::to_string(event.pid) + "]" : "");
  return out;
}

bool is_about(const nat_answer& event, const core::endpoint& source) {
  if (!event.is_flow() || source.port == 0) return true;
  return event.source.port == source.port && (source.address.is_unspecified() || event.source.address.unmapped() == source.address.unmapped());
}

int watch_all(const query_flags& given, const std::string& socket, const core::endpoint& source) {
  const std::string ended = watch_flows(socket, [&](const nat_answer& event) {
    if (!is_about(event, source)) return true;
    const std::string line = (given.json ? to_json(event).dump() : event_line(event)) + "\n";
    return std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fflush(stdout) == 0;
  });
  if (!ended.empty()) complain(ended);
  return exit_failed;
}

int run_query(const query_flags& given) {
  nat_question question;
  const bool everything = given.watch && given.source.empty();
  if (!given.watch && given.source.empty()) {
    complain("query: ADDR:PORT is missing; see omnilink query --help");
    return exit_usage;
  }
  if (!everything && !parse_source(given.source, question)) {
    complain("query: " + core::quoted(given.source) + " is not ADDR:PORT, as 127.0.0.1:40312 or [::1]:40312");
    return exit_usage;
  }
  const std::string socket = given.socket.empty() ? io::find_socket("query.sock") : given.socket;
  if (given.watch) return watch_all(given, socket, question.source);
  const auto answer = ask_query(socket, question);
  if (answer.has_error()) return complain(answer.error()), exit_failed;
  return report(*answer, given);
}

}  // namespace

void add_query(CLI::App& program, action& chosen) {
  auto given = std::make_shared<query_flags>();
  CLI::App& verb = add_verb(
      program, chosen, "query", "Where an intercepted connection wanted to go",
      "  omnilink query 127.0.0.1:40312     # prints example.org:443; exit code 4: no such connection\n"
      "  omnilink query --watch --json", given,
      run_query);
  verb.add_option("ADDR:PORT", given->source,
                  "The connection's source, as the accepting socket sees\nit; \":PORT\" is any address with it");
  verb.add_flag("--watch", given->watch, "Print every connection that you may see as it begins\nand ends, until the service ends");
  verb.add_option("--socket", given->socket, "The service's query.sock")->type_name("PATH");
  verb.add_flag("--json", given->json, "Print JSON, with all that is known of the connection");
}

}  // namespace omnilink::cli
