#include "cli/run_settings.hpp"

#include <algorithm>

#include "actors/rules.hpp"
#include "cli/config_files.hpp"
#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"
#include "io/socket_paths.hpp"

namespace omnilink::cli {

settings run_defaults() {
  settings out;
  const std::string directory = io::socket_directory();
  if (directory.empty()) return out;
  out.service.query_socket = directory + "/query.sock";
  out.service.admin_socket = directory + "/admin.sock";
  return out;
}

refusal prepare_run(const settings_flags& given, settings& into) {
  if (refusal no = apply(given, into); !no.lines.empty()) return no;
  if (into.service.listeners.empty()) {
    if (!given.config_file.empty()) {
      return {exit_config, {given.config_file + ": nothing listens; add [[listen]] or -L"}};
    }
    into.service.listeners.push_back(*interceptor::parse_listen_url("mixed://127.0.0.1:1080"));
  }
  return {exit_done, {}};
}

interceptor::netd::config_files files_to_lend(const settings_flags& given) {
  return [given] {
    return record_files([&given] {
      settings unused = run_defaults();
      (void)prepare_run(given, unused);
    });
  };
}

io::network_privileges privileges_of_netd(const settings& of) {
  const bool programs = std::ranges::any_of(of.service.listeners, [](const auto& l) { return l.kind == interceptor::listen_kind::cgroup; });
  return {actors::asks_for_processes(of.service), programs, false};
}

bool needs_netd(const settings& of) {
  return std::ranges::any_of(of.service.listeners, [](const auto& l) { return interceptor::captures(l.kind); });
}

int say(const refusal& no) {
  for (const auto& line : no.lines) complain(line);
  return no.exit_code;
}

}  // namespace omnilink::cli
