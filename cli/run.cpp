// `omnilink run`: the service in the foreground. Signals as people know them: TERM drains, INT ends at once.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "actors/rules.hpp"
#include "actors/service.hpp"
#include "cli/config_files.hpp"
#include "cli/confine.hpp"
#include "cli/exit_code.hpp"
#include "cli/netd_parent.hpp"
#include "cli/notify.hpp"
#include "cli/run_settings.hpp"
#include "cli/settings.hpp"
#include "cli/settings_options.hpp"
#include "cli/socket_paths.hpp"
#include "cli/verbs.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/netd_client.hpp"
#include "interceptor/packet_channel.hpp"
#include "io/log.hpp"
#include "io/privileges.hpp"
#include "io/signals.hpp"
#include "io/socket_paths.hpp"

namespace omnilink::cli {
namespace {

struct run_flags {
  settings_flags common;
  int ready_fd = -1;
  int library_fd = -1;
  std::shared_ptr<const interceptor::library_peer> library;  // at its other end; null: none
  std::string netd;  // its socket; empty: it is to be this process, where one is needed
};

// Empty lines: the way to the sockets is there, and `owner`'s.
refusal prepare_sockets(const settings& of, const service_user& owner) {
  const std::string directory = io::socket_directory();
  const auto in_it = [&](const std::string& path) { return path.starts_with(directory + "/"); };
  if (!directory.empty() && (in_it(of.service.query_socket) || in_it(of.service.admin_socket))) {
    if (std::string wrong = make_socket_directory(directory, owner); !wrong.empty()) return {exit_failed, {wrong}};
  }
  return {exit_done, {}};
}

void say_ready(const settings& of, const std::vector<core::endpoint>& listening) {
  for (std::size_t i = 0; i < listening.size(); ++i) {
    auto listener = of.service.listeners[i];
    listener.where = listening[i];  // with the real port
    io::log::line(io::log::level::info, "ready", {{"listen", listener.to_string()}});
  }
  if (of.service.query_socket.empty() && io::socket_directory().empty()) {
    io::log::line(io::log::level::info, "no-query-socket",
                  {{"remedy", "set XDG_RUNTIME_DIR, or socket in [query] and [admin]"}});
  }
}

settings defaults_of(const run_flags& given) {
  settings out = run_defaults();
  out.service.library = given.library;
  return out;
}

// sd_notify(3): systemd wants the time of the reload's begin.
std::string reloading_state() {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(core::clock::now().time_since_epoch());
  return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count());
}

actors::reload_hooks reloading(const run_flags& given, interceptor::netd_client* netd) {
  actors::reload_hooks out;
  const auto log = std::make_shared<io::log_config>();
  if (!given.common.config_file.empty()) {
    out.read = [given, netd, log]() -> boost::system::result<actors::configuration, std::vector<std::string>> {
      notify_supervisor(reloading_state());
      std::optional<io::opener_in_use> lent;
      if (netd != nullptr) lent.emplace(open_from(netd->config_files()));
      settings fresh = defaults_of(given);
      if (refusal no = prepare_run(given.common, fresh); !no.lines.empty()) return {boost::system::in_place_error, std::move(no.lines)};
      fresh.service.reload = reloading(given, netd);
      *log = fresh.log;
      return {boost::system::in_place_value, std::move(fresh.service)};
    };
  }
  out.ended = [log](bool in_use) {
    if (in_use) io::log::adjust(*log);
    notify_supervisor("READY=1");
  };
  return out;
}

struct outcome {
  int exit_code;
  int signal;  // that was to end it at once; 0: none
};

// Until the service has ended. Where nobody asked for that, it gave up and has said why in the log, or netd is gone.
outcome serve(actors::service& service, const io::descriptor& signals, int netd) {
  int ended_by = 0;
  bool draining = false, lost = false;
  // Of netd only its end is heard here; what it says is read by who asked.
  pollfd waits[] = {{service.finished_fd(), POLLIN, 0}, {signals.get(), POLLIN, 0}, {netd, 0, 0}};
  for (;;) {
    if (::poll(waits, std::size(waits), -1) < 0) continue;
    if (waits[0].revents != 0) break;
    if (waits[2].revents != 0) {
      io::log::line(io::log::level::error, "netd-lost", {{"meaning", "its rules are gone; what runs may end"}});
      waits[2].fd = -1;
      lost = true;
      service.drain();
    }
    if (waits[1].revents == 0) continue;
    const int signal = io::next_signal(signals);
    if (signal == SIGHUP) {
      service.reload();
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
  return {service.ended_as_asked() && !lost ? exit_done : exit_failed, ended_by};
}

outcome start_and_serve(const run_flags& given, const settings& wanted, const io::descriptor& signals,
                        interceptor::netd_client* netd) {
  const auto failed = [](std::string_view why) {
    complain(why);
    return outcome{exit_failed, 0};
  };
  actors::configuration config = wanted.service;
  config.reload = reloading(given, netd);
  actors::service service{std::move(config), netd};
  if (const auto wrong = service.start()) return failed(*wrong);
  say_ready(wanted, service.listening());
  if (given.ready_fd >= 0) {
    if (std::string wrong = write_ready(given.ready_fd, service.listening()); !wrong.empty())
      return failed(wrong);
  }
  notify_supervisor("READY=1");
  return serve(service, signals, netd ? netd->channel_fd() : -1);
}

int serve_until_end(const run_flags& given, const settings& wanted, const io::descriptor& signals, interceptor::netd_client* netd) {
  if (std::string wrong = confine(wanted, netd != nullptr); !wrong.empty()) return complain(wrong), exit_failed;
  io::log::init(wanted.log);
  const outcome end = start_and_serve(given, wanted, signals, netd);
  io::log::shutdown();
  if (end.signal != 0) io::end_by_signal(end.signal);
  return end.exit_code;
}

// The worker behind netd, from fork to its end.
int run_as_worker(run_flags given, settings wanted, const service_user& user, io::descriptor channel, bool again) {
  const io::descriptor signals = io::catch_signals({SIGTERM, SIGINT, SIGHUP});
  if (again) {
    given.ready_fd = -1;  // whoever waited for it has gone on
    // The file as it is now, if it is good: a reload since the start shall not be forgotten.
    settings fresh = defaults_of(given);
    if (const refusal no = prepare_run(given.common, fresh); no.lines.empty()) {
      wanted = std::move(fresh);
    } else {
      for (const auto& line : no.lines) complain("the configuration of the start is used: " + line);
    }
  }
  if (std::string wrong = io::drop_all_privileges(user.uid, user.gid); !wrong.empty()) return complain(wrong), exit_failed;
  interceptor::netd_client netd{std::move(channel)};
  return serve_until_end(given, wanted, signals, &netd);
}

// The files that it reads are lent by netd, so that they need not be this user's.
int run_beside_netd(const run_flags& given) {
  auto channel = interceptor::connect_packet_channel(given.netd);
  if (!channel) return complain("--netd " + core::quoted(given.netd) + ": " + std::strerror(errno) + "; is omnilink netd running?"), exit_failed;
  interceptor::netd_client netd{std::move(channel)};
  settings wanted = defaults_of(given);
  {
    const io::opener_in_use lent{open_from(netd.config_files())};
    if (const refusal no = prepare_run(given.common, wanted); !no.lines.empty()) return say(no);
  }
  const auto user = find_service_user(wanted.user);
  if (user.has_error()) return complain(user.error()), exit_config;
  if (const refusal no = prepare_sockets(wanted, *user); !no.lines.empty()) return say(no);
  if (std::string wrong = io::drop_all_privileges(user->uid, user->gid); !wrong.empty()) return complain(wrong), exit_failed;
  const io::descriptor signals = io::catch_signals({SIGTERM, SIGINT, SIGHUP});
  return serve_until_end(given, wanted, signals, &netd);
}

int run_with_netd(const run_flags& given, const settings& wanted, const service_user& user) {
  if (!io::may_change_network()) {
    complain(no_network_privileges);
    return exit_failed;
  }
  const io::descriptor signals = io::catch_signals({SIGTERM, SIGINT, SIGHUP, SIGCHLD});
  const worker_main worker = [&](io::descriptor channel, bool again) {
    return run_as_worker(given, wanted, user, std::move(channel), again);
  };
  io::network_privileges keeps = privileges_of_netd(wanted);
  keeps.workers = true;
  return run_as_netd({user, wanted.log, files_to_lend(given.common), keeps, io::descriptor{given.ready_fd}}, signals, worker);
}

int run_service(const run_flags& flags) {
  run_flags given = flags;
  io::keep_memory_private();
  std::signal(SIGPIPE, SIG_IGN);  // a client that is gone shows where it is written to
  if (given.library_fd >= 0) {
    auto met = interceptor::meet_library(io::descriptor{given.library_fd});
    if (met.has_error()) return complain("--library-fd " + std::to_string(given.library_fd) + ": " + met.error()), exit_usage;
    given.library = std::move(*met);
  }
  if (!given.netd.empty()) return run_beside_netd(given);
  settings wanted = defaults_of(given);
  if (const refusal no = prepare_run(given.common, wanted); !no.lines.empty()) return say(no);
  const auto user = needs_netd(wanted) ? find_service_user(wanted.user) : service_user{::geteuid(), ::getegid()};
  if (user.has_error()) return complain(user.error()), exit_config;
  if (const refusal no = prepare_sockets(wanted, *user); !no.lines.empty()) return say(no);
  if (needs_netd(wanted)) return run_with_netd(given, wanted, *user);
  const io::descriptor signals = io::catch_signals({SIGTERM, SIGINT, SIGHUP});
  if (std::string wrong = io::keep_service_privileges(actors::asks_for_processes(wanted.service)); !wrong.empty()) return complain(wrong), exit_failed;
  return serve_until_end(given, wanted, signals, nullptr);
}

}  // namespace

void add_run(CLI::App& program, action& chosen) {
  auto given = std::make_shared<run_flags>();
  CLI::App& verb = add_verb(program, chosen, "run", "The service, in the foreground",
                            "  omnilink run -L mixed://127.0.0.1:1080 -F socks5://proxy.example:1080\n"
                            "  omnilink run -c /etc/omnilink/omnilink.toml",
                            given, run_service);
  add_settings_options(verb, given->common);
  verb.add_option("-L,--listen", given->common.listeners,
                  "Listen here: mixed://, socks5://, http://, redirect://,\ntproxy://, cgroup:// or tcp:// (with ?to=HOST:PORT), with\naddress and port;\nuser:password@ or ?auth_file=FILE: only who has a login;\n?clients=NETWORK,…: only from there; default "
                  "mixed://127.0.0.1:1080")
      ->type_name("URL")
      ->allow_extra_args(false);
  verb.add_option("--netd", given->netd, "The socket of omnilink netd, which keeps the\nprivileges in a process of its own")->type_name("PATH");
  verb.add_option("--ready-fd", given->ready_fd,
                  "Once it listens, write one ADDR:PORT per line\nto this descriptor and close it")
      ->type_name("N");
  verb.add_option("--library-fd", given->library_fd, "libomnilink's: a socket to the program whose callouts\nthe configuration names (kind = \"library\")")
      ->type_name("N");
}

}  // namespace omnilink::cli
