#include "interceptor/attribution.hpp"

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <utility>

#include "interceptor/cgroup_paths.hpp"
#include "interceptor/processes.hpp"

namespace omnilink::interceptor {
namespace {

namespace asio = boost::asio;

// A coroutine that waits; nobody does once it is abandoned.
struct waiting {
  explicit waiting(const asio::any_io_executor& executor) : answered{executor, attribution::patience} {}
  asio::steady_timer answered;  // canceled when there is an answer. Touched on the worker only
  bool done = false;            // likewise
  core::program_ptr answer;     // likewise
  std::atomic<bool> abandoned{false};
};

bool is_complete(const core::program& one) noexcept {
  return one.pid && one.uid && one.gid && !one.exe.empty() && !one.process.empty() && !one.cgroup.empty();
}

// What was there stays.
void add(core::program& to, const core::program& more) {
  if (!to.pid) to.pid = more.pid;
  if (!to.uid) to.uid = more.uid;
  if (!to.gid) to.gid = more.gid;
  if (to.exe.empty()) to.exe = more.exe;
  if (to.process.empty()) to.process = more.process;
  if (to.cgroup.empty()) to.cgroup = more.cgroup;
}

}  // namespace

struct attribution::state {
  std::unique_ptr<process_finder> processes = std::make_unique<proc_processes>();
  socket_table own;
  std::uint64_t sandbox_netns = 0;
  std::unique_ptr<socket_table> sandbox;
  cgroup_paths groups;  // of the thread's
  std::atomic<std::size_t> waiting{0};
  asio::thread_pool thread{1};

  core::program_ptr look_up(attribution& all, const question& asked) {
    core::program out = asked.known ? *asked.known : core::program{};
    out.netns = asked.netns != 0 ? asked.netns : out.netns;
    out.cgroup = out.cgroup.empty() ? groups.find(asked.cgroup) : out.cgroup;
    // By now the process may have ended, and its number be another one's.
    if (is_complete(out)) return std::make_shared<const core::program>(std::move(out));
    std::optional<socket_owner> owner;
    if (socket_table* sockets = all.sockets_of(out.netns)) owner = sockets->owner_of(asked.source, asked.dialled);
    if (owner && !out.uid) out.uid = owner->uid;
    if (owner && out.cgroup.empty()) out.cgroup = groups.find(owner->cgroup);
    using wire::process_question;
    process_question who;
    if (out.pid) who = {process_question::kind::pid, *out.pid};
    else if (owner) who = {process_question::kind::socket, owner->inode};
    const bool more = asked.process || out.cgroup.empty();
    if (more && who.number != 0) {
      const auto found = processes->find(who);
      // One that has another name by now runs another program, or has only the number of the one that connected.
      if (found && (out.process.empty() || out.process == found->process)) add(out, *found);
    }
    core::program nothing;
    nothing.netns = out.netns;
    return out == nothing ? nullptr : std::make_shared<const core::program>(std::move(out));
  }
};

attribution::attribution() : state_{std::make_unique<state>()} {}

attribution::~attribution() {
  state_->thread.stop();
  state_->thread.join();
}

void attribution::use_sandbox(std::uint64_t netns, io::descriptor sock_diag) {
  state_->sandbox_netns = netns;
  state_->sandbox = std::make_unique<socket_table>(std::move(sock_diag));
}

void attribution::use_netd(io::descriptor channel) { state_->processes = std::make_unique<netd_processes>(std::move(channel)); }

socket_table* attribution::sockets_of(std::uint64_t netns) noexcept {
  if (netns == 0) return &state_->own;
  return netns == state_->sandbox_netns ? state_->sandbox.get() : nullptr;
}

io::task<core::program_ptr> attribution::find(question asked, io::canceler& owner, asio::io_context& home) {
  core::program_ptr known = asked.known;
  if (state_->waiting.fetch_add(1) >= waiting_max) {
    state_->waiting.fetch_sub(1);
    co_return known;
  }
  const auto open = std::make_shared<waiting>(home.get_executor());
  asio::post(state_->thread, [this, open, asked = std::move(asked)] {
    core::program_ptr found = open->abandoned ? nullptr : state_->look_up(*this, asked);
    state_->waiting.fetch_sub(1);
    asio::post(open->answered.get_executor(), [open, found = std::move(found)]() mutable {
      open->done = true;
      open->answer = std::move(found);
      open->answered.cancel();
    });
  });
  if (owner.arm([raw = open.get()] { raw->answered.cancel(); })) {
    if (!open->done) co_await io::expiry(open->answered);
    owner.disarm();
  }
  open->abandoned = true;
  co_return open->done ? open->answer : known;
}

}  // namespace omnilink::interceptor
