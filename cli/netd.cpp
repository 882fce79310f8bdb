// `omnilink netd`: the privileged half of the service as a process of its own, for systemd.
#include <unistd.h>

#include <csignal>

#include "cli/exit_code.hpp"
#include "cli/netd_listener.hpp"
#include "cli/run_settings.hpp"
#include "cli/verbs.hpp"
#include "io/privileges.hpp"
#include "io/signals.hpp"

namespace omnilink::cli {
namespace {

struct netd_flags {
  std::string file, socket;
};

int run(const netd_flags& asked) {
  io::keep_memory_private();
  std::signal(SIGPIPE, SIG_IGN);
  settings_flags given;
  given.config_file = asked.file;
  settings wanted = run_defaults();
  if (const refusal no = prepare_run(given, wanted); !no.lines.empty()) return say(no);
  if (!io::may_change_network()) return complain(no_network_privileges), exit_failed;
  const auto user = find_service_user(wanted.user, true);
  if (user.has_error()) return complain(user.error()), exit_config;
  auto socket = netd_socket(asked.socket, *user);
  if (socket.has_error()) return complain(socket.error()), exit_failed;
  const io::descriptor signals = io::catch_signals({SIGTERM, SIGINT});
  return run_netd({*user, wanted.log, files_to_lend(given), privileges_of_netd(wanted), {}}, signals, *socket);
}

}  // namespace

void add_netd(CLI::App& program, action& chosen) {
  auto given = std::make_shared<netd_flags>();
  CLI::App& verb = add_verb(program, chosen, "netd", "The privileged half of the service, for a unit of its own",
                            "  omnilink netd -c /etc/omnilink/omnilink.toml --socket /run/omnilink-netd.sock\n"
                            "  omnilink run -c /etc/omnilink/omnilink.toml --netd /run/omnilink-netd.sock",
                            given, run);
  verb.add_option("-c,--config", given->file, "The service's configuration file")->type_name("FILE")->required();
  verb.add_option("--socket", given->socket, "Where the service finds it; not given: systemd's socket")->type_name("PATH");
}

}  // namespace omnilink::cli
