// `omnilink run`: the service in the foreground. Signals as people know them: TERM drains, INT ends at once.
#include <poll.h>

#include <csignal>

#include "actors/service.hpp"
#include "cli/exit_code.hpp"
#include "cli/notify.hpp"
#include "cli/settings.hpp"
#include "cli/settings_options.hpp"
#include "cli/socket_paths.hpp"
#include "cli/verbs.hpp"
#include "io/log.hpp"
#include "io/signals.hpp"

namespace omnilink::cli {
namespace {

struct flags {
  settings_flags common;
  int ready_fd = -1;
};

settings defaults() {
  settings out;
  const std::string directory = socket_directory();
  if (directory.empty()) return out;
  out.service.query_socket = directory + "/query.sock";
  out.service.admin_socket = directory + "/admin.sock";
  return out;
}

// Empty: there is something to serve, and the way to the sockets is there.
refusal prepare(const flags& given, settings& into) {
  if (refusal no = apply(given.common, into); !no.lines.empty()) return no;
  if (into.service.listeners.empty()) {
    if (!given.common.config_file.empty()) {
      return {exit_config, {given.common.config_file + ": nothing listens; add [[listen]] or -L"}};
    }
    into.service.listeners.push_back(*interceptor::parse_listen_url("mixed://127.0.0.1:1080"));
  }
  const std::string directory = socket_directory();
  const auto in_it = [&](const std::string& path) { return path.starts_with(directory + "/"); };
  if (!directory.empty() && (in_it(into.service.query_socket) || in_it(into.service.admin_socket))) {
    if (std::string wrong = make_socket_directory(directory); !wrong.empty()) return {exit_failed, {wrong}};
  }
  return {exit_done, {}};
}

void say_ready(const settings& of, const std::vector<core::endpoint>& listening) {
  for (std::size_t i = 0; i < listening.size(); ++i) {
    auto listener = of.service.listeners[i];
    listener.where = listening[i];  // with the real port
    io::log::line(io::log::level::info, "ready", {{"listen", listener.to_string()}});
  }
  if (of.service.query_socket.empty() && socket_directory().empty()) {
    io::log::line(io::log::level::info, "no-query-socket",
                  {{"remedy", "set XDG_RUNTIME_DIR, or socket in [query] and [admin]"}});
  }
}

struct outcome {
  int exit_code;
  int signal;  // that was to end it at once; 0: none
};

// Until the service has ended. Where nobody asked for that, it gave up and has said why in the log.
outcome serve(actors::service& service, const io::descriptor& signals) {
  int ended_by = 0;
  bool draining = false;
  pollfd waits[] = {{service.finished_fd(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(waits, std::size(waits), -1) < 0) continue;
    if (waits[0].revents != 0) break;
    const int signal = io::next_signal(signals);
    if (signal == SIGHUP) {
      io::log::line(io::log::level::warn, "no-reload",
                    {{"reason", "this version reads its configuration only at start"}});
    } else if (signal == SIGTERM && !draining) {
      draining = true;
      notify_supervisor("STOPPING=1");
      service.drain();
    } else if (signal != 0) {
      ended_by = signal;
      service.stop();
    }
  }
  service.wait();
  return {draining || ended_by != 0 ? exit_done : exit_failed, ended_by};
}

outcome start_and_serve(const flags& given, const settings& wanted, const io::descriptor& signals) {
  const auto failed = [](std::string_view why) {
    complain(why);
    return outcome{exit_failed, 0};
  };
  actors::service service{wanted.service};
  if (const auto wrong = service.start()) return failed(*wrong);
  say_ready(wanted, service.listening());
  if (given.ready_fd >= 0) {
    if (std::string wrong = write_ready(given.ready_fd, service.listening()); !wrong.empty())
      return failed(wrong);
  }
  notify_supervisor("READY=1");
  return serve(service, signals);
}

int run(const flags& given) {
  const io::descriptor signals = io::catch_signals({SIGTERM, SIGINT, SIGHUP});
  std::signal(SIGPIPE, SIG_IGN);  // a client that is gone shows where it is written to
  settings wanted = defaults();
  if (const refusal no = prepare(given, wanted); !no.lines.empty()) {
    for (const auto& line : no.lines) complain(line);
    return no.exit_code;
  }
  io::log::init(wanted.log);
  const outcome end = start_and_serve(given, wanted, signals);
  io::log::shutdown();
  if (end.signal != 0) io::end_by_signal(end.signal);
  return end.exit_code;
}

}  // namespace

void add_run(CLI::App& program, action& chosen) {
  auto given = std::make_shared<flags>();
  CLI::App& verb = add_verb(program, chosen, "run", "The service, in the foreground",
                            "  omnilink run -L mixed://127.0.0.1:1080 -F socks5://proxy.example:1080\n"
                            "  omnilink run -c /etc/omnilink/omnilink.toml",
                            given, run);
  add_settings_options(verb, given->common);
  verb.add_option("-L,--listen", given->common.listeners,
                  "Listen here: mixed://, socks5:// or http:// with\naddress and port; default "
                  "mixed://127.0.0.1:1080")
      ->type_name("URL")
      ->allow_extra_args(false);
  verb.add_option("--ready-fd", given->ready_fd,
                  "Once it listens, write one ADDR:PORT per line\nto this descriptor and close it")
      ->type_name("N");
}

}  // namespace omnilink::cli
