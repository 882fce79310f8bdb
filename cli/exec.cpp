// `omnilink exec`: one command, intercepted. Here: what the user wants; exec_front.hpp: the processes that do
// it.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "actors/service.hpp"
#include "cli/exec_front.hpp"
#include "cli/exit_code.hpp"
#include "cli/loopback_ports.hpp"
#include "cli/settings.hpp"
#include "cli/settings_options.hpp"
#include "cli/verbs.hpp"
#include "core/nearest_word.hpp"
#include "io/descriptor.hpp"
#include "io/log.hpp"

namespace omnilink::cli {
namespace {

struct exec_flags {
  settings_flags common;
  std::string loopback = "inside";
  std::string log_file;
};

// A connection that broke after both sides were talking is the command's own to tell; so is one that was cut
// by the end.
bool is_worth_a_line(const core::verdict& v) {
  return !v.ok() && v.step != core::step::relay && v.code != core::errc::canceled &&
         v.code != core::errc::shutting_down;
}

// Where the log goes: to --log, with -v to stderr, else nowhere, since stderr is the command's. Empty: done.
std::string start_log(const exec_flags& given, io::log_config config, const report_line& report) {
  if (given.log_file.empty()) {
    if (given.common.verbosity <= 0) return {};
    config.sink = report;
  } else {
    const int fd = ::open(given.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
      return "--log " + core::quoted(given.log_file) + ": " + std::generic_category().message(errno);
    const auto file = std::make_shared<io::descriptor>(fd);
    config.sink = [file](std::string_view line) {
      const std::string whole = std::string{line} + "\n";
      // A full disk is no reason to stop the command.
      [[maybe_unused]] const auto written = ::write(file->get(), whole.data(), whole.size());
    };
  }
  io::log::init(config);
  return {};
}

boost::system::result<end_service, std::string> start(const exec_flags& given, const settings& wanted,
                                                      interceptor::installer& home,
                                                      const report_line& report) {
  using boost::system::in_place_error;
  if (std::string wrong = start_log(given, wanted.log, report); !wrong.empty())
    return {in_place_error, std::move(wrong)};
  actors::configuration config = wanted.service;
  config.report_trip = [report](const actors::trip_report& trip) {
    if (is_worth_a_line(trip.verdict)) report(actors::failure_line(trip));
  };
  const auto service = std::make_shared<actors::service>(std::move(config), &home);
  if (auto wrong = service->start()) {
    io::log::shutdown();
    return {in_place_error, std::move(*wrong)};
  }
  // What the command has sent before it ended is still on its way to the chain.
  return end_service{[service] {
    service->drain();
    service->wait();
    io::log::shutdown();
  }};
}

refusal prepare(const exec_flags& given, settings& into) {
  into.log.level = given.log_file.empty() ? io::log::level::warn : io::log::level::info;
  if (refusal no = apply(given.common, into); !no.lines.empty()) return no;
  auto ports = parse_loopback(given.loopback);
  if (ports.has_error()) return {exit_usage, {"--loopback: " + ports.error()}};
  into.service.host_loopback_ports = std::move(*ports);
  // The file may be a service's, whose ways in and sockets are not this command's.
  into.service.listeners.clear();
  into.service.query_socket.clear();
  into.service.admin_socket.clear();
  into.service.admin_http.reset();
  return {exit_done, {}};
}

// As exec's processes say it later: CMD's own lines are on the same stderr.
void complain_exec(std::string_view line) {
  std::fprintf(stderr, "omnilink exec: %.*s\n", static_cast<int>(line.size()), line.data());
}

int exec_command(const exec_flags& given, const std::vector<std::string>& command) {
  if (command.empty()) {
    complain(
        "exec: no command; try: omnilink exec -F socks5://proxy.example:1080 -- curl https://example.org/");
    return exit_exec;
  }
  if (command.front().find("://") != std::string::npos) {
    // Not shown: it may hold a password.
    complain_exec("the command is a URL; a hop is given with -F URL, before the command");
    return exit_exec;
  }
  settings wanted;
  if (const refusal no = prepare(given, wanted); !no.lines.empty()) {
    for (const auto& line : no.lines) complain_exec(line);
    return exit_exec;
  }
  return run_exec({command}, [&](interceptor::installer& home, const report_line& report) {
    return start(given, wanted, home, report);
  });
}

constexpr const char* about_exec =
    "Names travel as names to the hops; nothing is looked up here. Other UDP is refused, and loopback is "
    "CMD's own.\n"
    "A convenience, not a jail: unix sockets that have a path pass it by. What asks a process outside to "
    "connect, as\n"
    "docker or an ssh master connection do, is not intercepted.\n"
    "CMD has a copy of /run, so that no name service of the host answers: what it creates there goes with it.\n\n"
    "Ends as CMD does. 125: omnilink itself failed; 126: CMD cannot be run; 127: CMD was not found.\n\n"
    "Example:\n"
    "  omnilink exec -F socks5://first.example:1080 -F https://second.example -- git clone "
    "https://example.org/x.git\n"
    "  omnilink exec -F socks5://proxy.example --loopback host:3000,5432 -- npm test";

}  // namespace

void add_exec(CLI::App& program, action& chosen, const std::vector<std::string>& command) {
  auto given = std::make_shared<exec_flags>();
  CLI::App& verb = *program.add_subcommand("exec", "Run one command through the chain; needs no root");
  verb.footer(about_exec);
  verb.callback([&chosen, &command, given] { chosen = [&command, given] { return exec_command(*given, command); }; });
  // For the help alone: the command was cut off before the flags were read.
  verb.add_option("CMD",
                  "The command and its arguments: all behind --, or\nfrom the first word on that is no flag");
  add_settings_options(verb, given->common);
  verb.add_option("--loopback", given->loopback,
                  "Whose loopback is: CMD's own (inside), or for these\nports the host's, as host:3000,5432")
      ->type_name("WHERE");
  verb.add_option("--log", given->log_file, "Append the log to this file; with -v alone it goes to stderr")
      ->type_name("FILE");
}

}  // namespace omnilink::cli
