// netd: the privileged half of the service. Holds the listening sockets and the kernel's rules, so that both stay when
// the worker, which has no privileges, dies. Single-threaded; who runs it waits and decides about processes (cli).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "interceptor/cgroup/hooks.hpp"
#include "interceptor/cgroup_watch.hpp"
#include "interceptor/lent_sockets.hpp"
#include "interceptor/nft.hpp"
#include "interceptor/processes.hpp"
#include "interceptor/ruleset_capture.hpp"
#include "interceptor/sk_lookup/programs.hpp"
#include "io/config_files.hpp"
#include "wire/netd_messages.hpp"

namespace omnilink::interceptor {

class netd {
 public:
  /// What the service will read when it reloads: opened by netd, which may, and chosen by it, not by who asks.
  using config_files = std::function<std::vector<io::opened_file>()>;

  /// `worker`: who the service runs as; its own connections are left alone.
  netd(const exemption& worker, config_files files) : worker_{worker}, files_{std::move(files)} {}
  /// The rules go, the guard stays; so does the routing, but for leave().
  ~netd() = default;
  netd(const netd&) = delete;
  netd& operator=(const netd&) = delete;

  /// Receives one message of the worker's and answers it. False: that worker is gone, or speaks nonsense.
  bool answer(int channel);

  /// Readable when somebody changed nf_tables; -1 while nothing is to be guarded.
  int changes_fd() const noexcept { return changes_.get(); }
  /// Puts the guard back if it is not as it was. True: it had to.
  bool restore_guard();

  /// Readable when the worker asks for a process, which answer_process() answers; -1: it never will. /proc of a busy machine takes
  /// milliseconds: who waits for this leaves pauses.
  int process_fd() const noexcept { return process_channel_.get(); }
  void answer_process();

  /// Writable when the worker has taken sockets that may have anybody's address, and lend() makes more; -1: it wants none.
  int lender_fd(bool v6) const noexcept { return lender_.fd(v6); }
  void lend(bool v6) noexcept { lender_.fill(v6); }

  /// Readable when a cgroup that is captured may have come or gone; -1: none is.
  int cgroups_fd() const noexcept { return cgroups_.fd(); }
  /// Writes the rules anew if one has; what is missing is in take_warnings().
  void follow_cgroups();

  /// Rules are in force for which conntrack has to know the connections.
  bool needs_conntrack() const noexcept;

  /// Sockets are handed out.
  bool serves() const noexcept { return !listeners_.empty(); }
  /// They were, and the service has ended in order since.
  bool withdrawn() const noexcept { return withdrawn_; }
  /// There is a guard that will stay: a table, programs.
  bool guards() const noexcept { return !guard_.empty() || hooks_.guards() || lookups_.guards(); }

  /// The process that the service runs in: its own connections are no program's.
  void serve_by(pid_t worker) { hooks_.leave_alone(worker); }

  /// cgroup::hooks.
  int news_fd() const noexcept { return hooks_.news_fd(); }
  std::string hear_news() { return hooks_.hear_news(); }
  /// sk_lookup::programs.
  int addresses_fd() const noexcept { return lookups_.news_fd(); }
  void follow_addresses() { lookups_.hear_news(); }

  /// What of the last plan does not work as it may be expected to, in lines for people; once.
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }

  /// Takes the rules back and closes the sockets; the guard stays, and running connections go on.
  void withdraw() noexcept;
  /// Behind withdraw(), once no connection runs any more: takes back what running ones needed.
  void leave() noexcept;

 private:
  struct listener {
    wire::netd_listener wanted;
    std::vector<io::descriptor> v4, v6;  ///< index = worker
  };

  std::optional<wire::netd_refusal> install(const wire::netd_install& wanted);
  std::optional<wire::netd_refusal> open_listeners(const wire::netd_install& wanted, std::vector<listener>& into);
  std::optional<wire::netd_refusal> load_rules(const std::vector<listener>& all);
  std::optional<wire::netd_refusal> load_hooks(const std::vector<listener>& all);
  std::optional<wire::netd_refusal> load_lookups(const std::vector<listener>& all);
  std::vector<interception> interceptions(const std::vector<listener>& all);
  std::optional<wire::netd_refusal> open_nft();
  std::optional<wire::netd_refusal> check_bridges(const std::vector<listener>& all);
  std::optional<wire::netd_refusal> ensure_routing(const std::vector<listener>& all);
  static bool is_by_programs(const listener& one) noexcept;
  static std::vector<int> sockets_of(const listener& one);
  bool lend_sockets(std::vector<io::descriptor> to);
  bool hand_out(int channel) const;
  bool hand_out_files(int channel) const;

  const exemption worker_;
  const config_files files_;
  std::uint32_t workers_ = 0;
  std::vector<listener> listeners_;
  std::unique_ptr<nft> nft_;
  std::vector<interception> captured_;  ///< by the capture table, which is there and ours unless this is empty
  bool routes_ = false;        ///< marked packets come here
  std::string guard_;          ///< the commands that make the guard table; empty: none is wanted
  std::string guard_as_kept_;  ///< how nft lists it
  io::descriptor changes_;
  cgroup::hooks hooks_;
  sk_lookup::programs lookups_;
  cgroup_watch cgroups_;
  std::vector<std::string> warnings_;
  bool withdrawn_ = false;
  socket_lender lender_;
  io::descriptor process_channel_;
  proc_processes processes_;
};

}  // namespace omnilink::interceptor
