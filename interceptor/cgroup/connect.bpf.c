// The programs of a cgroup listener. connect() of a program in the cgroup is sent to the listener, which learns from the
// accepted socket's storage where it wanted to go:
//
//   connect4/6             the destination into the program's socket (`dialled`), the listener's in its place
//   sockops, before a SYN  its source port is known now: the destination by address pair (`on_the_way`)
//   sockops, accepted      from there into the storage of the listener's new socket (`origins`)
//
// and getpeername, getsockname and SO_ORIGINAL_DST tell what would be so without us. Only what Linux 6.1 has.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "shared.h"

// What is read of the kernel's own structures; libbpf finds where the fields are (CO-RE).
#define OF_KERNEL __attribute__((preserve_access_index))
struct super_block {
  __u32 s_dev;
} OF_KERNEL;
struct inode {
  struct super_block* i_sb;
  unsigned long i_ino;
} OF_KERNEL;
struct dentry;
struct vfsmount;
struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
} OF_KERNEL;
struct file {
  struct inode* f_inode;
  struct path f_path;
} OF_KERNEL;
struct mm_struct {
  struct file* exe_file;
} OF_KERNEL;
struct task_struct {
  struct task_struct* group_leader;
  struct task_struct* real_parent;
  struct mm_struct* mm;
  int tgid;
  __u64 start_boottime;
  char comm[OMNILINK_PROCESS_NAME];
} OF_KERNEL;

enum { stream = 1, ip = 0, ipv6 = 41, tcp = 6, mptcp = 262, family_v4 = 2, family_v6 = 10 };
enum { eperm = 1, enetunreach = 101, econnrefused = 111 };

// Ancestors that are looked at for `pid`; the verifier wants an end.
#define ANCESTORS_MAX 32

const volatile struct omnilink_capture capture;
const volatile __u64 ports[65536 / 64];  // a bit for each that is captured

// -- one of each for all captures of a service

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct omnilink_origin);
} dialled SEC(".maps"), origins SEC(".maps");

// The service's own listening sockets: who binds the port after its death is not one of them.
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, __u8);
} listeners SEC(".maps");

// From the SYN until it is accepted; as many as can wait there.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 262144);
  __type(key, struct omnilink_path);
  __type(value, struct omnilink_origin);
} on_the_way SEC(".maps");

// The service's processes, and when each began, in ticks as /proc counts them: another one may have its number by now.
// 0: unknown, /proc does not show it.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __type(key, __u32);
  __type(value, __u64);
} own_processes SEC(".maps");

// -- the conditions of one capture

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);  // of a capture, or this machine's own
  __type(key, struct omnilink_network);
  __type(value, __u8);
} networks SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, __u8);
} uids SEC(".maps"), gids SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, struct omnilink_exe);
  __type(value, __u8);
} exes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, char[OMNILINK_PROCESS_NAME]);
  __type(value, __u8);
} processes SEC(".maps");

// Likewise.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, __u64);
} pids SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u16);
  __type(value, __u16);
} rewrites SEC(".maps");

struct destination {
  __u32 address[4];
  __u16 port;  // host order
  __u8 v4;
};

// -- who connects

static __always_inline struct task_struct* leader(void) {
  struct task_struct* task = (void*)bpf_get_current_task();
  return BPF_CORE_READ(task, group_leader);
}

static __always_inline void read_exe(struct task_struct* task, struct omnilink_exe* into) {
  struct inode* inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
  into->device = inode ? BPF_CORE_READ(inode, i_sb, s_dev) : 0;
  into->inode = inode ? BPF_CORE_READ(inode, i_ino) : 0;
}

#include "exe_path.bpf.h"

// In /proc's ticks of 10 ms.
static __always_inline __u64 begun(struct task_struct* task) {
  return BPF_CORE_READ(task, group_leader, start_boottime) / 10000000;
}

static __always_inline int descends(struct task_struct* task) {
  for (int i = 0; i < ANCESTORS_MAX; ++i) {
    const __u32 pid = BPF_CORE_READ(task, tgid);
    if (pid <= 1) return 0;
    const __u64* of_meant = bpf_map_lookup_elem(&pids, &pid);
    if (of_meant && *of_meant == begun(task)) return 1;
    task = BPF_CORE_READ(task, group_leader, real_parent);
  }
  return 0;
}

static __always_inline int is_own_process(__u32 pid) {
  const __u64* of_ours = bpf_map_lookup_elem(&own_processes, &pid);
  return of_ours && (!*of_ours || *of_ours == begun(leader()));
}

static __always_inline int is_own(void) {
  if (capture.own_cgroup && bpf_get_current_cgroup_id() == capture.own_cgroup) return 1;
  return is_own_process(bpf_get_current_pid_tgid() >> 32);
}

// -- is it captured?

static __always_inline int is_meant(const struct destination* to) {
  const __u32 conditions = capture.conditions;
  if ((conditions & OMNILINK_PORTS) && !(ports[to->port / 64] >> (to->port % 64) & 1)) return 0;
  struct omnilink_network network = {.prefix = 128};
  __builtin_memcpy(network.address, to->address, sizeof(network.address));
  const int listed = bpf_map_lookup_elem(&networks, &network) != 0;
  if (listed != !!(conditions & OMNILINK_NETWORKS)) return 0;
  const __u64 who = bpf_get_current_uid_gid();
  const __u32 uid = who, gid = who >> 32;
  if ((conditions & OMNILINK_UIDS) && !bpf_map_lookup_elem(&uids, &uid)) return 0;
  if ((conditions & OMNILINK_GIDS) && !bpf_map_lookup_elem(&gids, &gid)) return 0;
  if (!(conditions & (OMNILINK_EXES | OMNILINK_PROCESSES | OMNILINK_PIDS))) return 1;
  struct task_struct* task = leader();
  if (conditions & OMNILINK_EXES) {
    struct omnilink_exe exe = {};
    read_exe(task, &exe);
    if (!bpf_map_lookup_elem(&exes, &exe)) return 0;
  }
  if (conditions & OMNILINK_PROCESSES) {
    char name[OMNILINK_PROCESS_NAME] = {};
    BPF_CORE_READ_STR_INTO(&name, task, comm);
    if (!bpf_map_lookup_elem(&processes, name)) return 0;
  }
  return !(conditions & OMNILINK_PIDS) || descends(task);
}

// What a connection to this loopback address and port meets; to be released.
static __always_inline struct bpf_sock* listener_at(struct bpf_sock_addr* ctx, int v4, __u16 port) {
  struct bpf_sock_tuple where = {};
  if (v4) {
    where.ipv4.daddr = bpf_htonl(0x7f000001);
    where.ipv4.dport = bpf_htons(port);
  } else {
    where.ipv6.daddr[3] = bpf_htonl(1);
    where.ipv6.dport = bpf_htons(port);
  }
  return bpf_sk_lookup_tcp(ctx, &where, v4 ? sizeof(where.ipv4) : sizeof(where.ipv6), BPF_F_CURRENT_NETNS, 0);
}

static __always_inline int leads_to_us(struct bpf_sock_addr* ctx, int v4, __u16 port) {
  struct bpf_sock* found = listener_at(ctx, v4, port);
  if (!found) return 0;
  const int ours = bpf_sk_storage_get(&listeners, found, 0, 0) != 0;
  bpf_sk_release(found);
  return ours;
}

// A borrowed listener need not have a socket of IPv6: most IPv6 sockets reach 127.0.0.1 too.
static __always_inline int takes_v6(struct bpf_sock_addr* ctx) {
  if (!capture.borrowed) return 1;
  struct bpf_sock* found = listener_at(ctx, 0, capture.port_v6);
  if (!found) return 0;
  bpf_sk_release(found);
  return 1;
}

static __always_inline int is_loopback(const struct destination* to) {
  return to->v4 ? to->address[3] == bpf_htonl(0x7f000001)
                : !to->address[0] && !to->address[1] && !to->address[2] && to->address[3] == bpf_htonl(1);
}

enum verdict { no, as_it_is, other_port, to_listener };

static __always_inline enum verdict refuse(int error) {
  bpf_set_retval(-error);
  return no;
}

static __always_inline struct omnilink_origin* remember(struct bpf_sock_addr* ctx, const struct destination* to, int captured) {
  struct bpf_sock* socket = ctx->sk;
  struct omnilink_origin* at = socket ? bpf_sk_storage_get(&dialled, socket, 0, BPF_SK_STORAGE_GET_F_CREATE) : 0;
  if (!at) return 0;
  struct task_struct* task = leader();
  struct omnilink_exe exe = {};
  read_exe(task, &exe);
  at->cookie = bpf_get_socket_cookie(ctx);
  at->cgroup = bpf_get_current_cgroup_id();
  at->exe_device = exe.device;
  at->exe_inode = exe.inode;
  __builtin_memcpy(at->address, to->address, sizeof(at->address));
  at->port = to->port;
  at->pid = bpf_get_current_pid_tgid() >> 32;
  const __u64 who = bpf_get_current_uid_gid();
  at->uid = who;
  at->gid = who >> 32;
  BPF_CORE_READ_STR_INTO(&at->process, task, comm);
  at->sent = 0;
  at->captured = captured;
  if (captured && !capture.borrowed) remember_exe_path(socket, task, at->cookie);
  return at;
}

// `port`: of the new destination.
static __always_inline enum verdict judge(struct bpf_sock_addr* ctx, const struct destination* to, __u16* port) {
  if (ctx->type != stream || (ctx->protocol != tcp && ctx->protocol != mptcp)) return as_it_is;
  // 127.0.0.1 of another network namespace is not where we listen.
  if (bpf_get_netns_cookie(ctx) != capture.netns) return as_it_is;
  // Another capture of ours was asked before this one and took it; or somebody dials the listener itself.
  if (is_loopback(to) && (capture.borrowed ? to->port == capture.port_v4 : leads_to_us(ctx, to->v4, to->port))) return as_it_is;
  struct bpf_sock* socket = ctx->sk;
  // Of an earlier connect(); but a port that a capture before this one has changed in this very one stays known.
  const struct omnilink_origin* before = socket ? bpf_sk_storage_get(&dialled, socket, 0, 0) : 0;
  if (before && (before->sent || before->captured)) bpf_sk_storage_delete(&dialled, socket);
  if (is_own() || !is_meant(to)) return as_it_is;
  if (!capture.borrowed && !leads_to_us(ctx, 1, capture.port_v4)) return capture.closed ? refuse(econnrefused) : as_it_is;
  if (capture.deny) return refuse(capture.deny);
  if (capture.conditions & OMNILINK_REWRITES) {
    const __u16* other = bpf_map_lookup_elem(&rewrites, &to->port);
    if (other) {
      *port = *other;
      return remember(ctx, to, 0) ? other_port : refuse(econnrefused);
    }
  }
  *port = to->v4 ? capture.port_v4 : capture.port_v6;
  // What cannot be carried does not leave; programs try IPv4 then.
  if (!*port) return refuse(enetunreach);
  if (!remember(ctx, to, 1)) return refuse(econnrefused);
  if (socket && socket->bound_dev_if) {
    char none[1] = {};
    bpf_setsockopt(ctx, 1, 25, none, sizeof(none));  // SO_BINDTODEVICE: the listener is behind lo
  }
  return to_listener;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr* ctx) {
  const struct destination to = {{0, 0, bpf_htonl(0xffff), ctx->user_ip4}, bpf_ntohs(ctx->user_port), 1};
  __u16 port = 0;
  const enum verdict how = judge(ctx, &to, &port);
  if (how == to_listener) ctx->user_ip4 = bpf_htonl(0x7f000001);
  if (port) ctx->user_port = bpf_htons(port);
  return how != no;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr* ctx) {
  struct destination to = {{ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]}, bpf_ntohs(ctx->user_port), 0};
  to.v4 = !to.address[0] && !to.address[1] && to.address[2] == bpf_htonl(0xffff);
  __u16 port = 0;
  const enum verdict how = judge(ctx, &to, &port);
  if (how == to_listener) {
    const int by_v4 = to.v4 || !takes_v6(ctx);
    ctx->user_ip6[0] = 0;
    ctx->user_ip6[1] = 0;
    ctx->user_ip6[2] = by_v4 ? bpf_htonl(0xffff) : 0;
    ctx->user_ip6[3] = by_v4 ? bpf_htonl(0x7f000001) : bpf_htonl(1);
  }
  if (port) ctx->user_port = bpf_htons(port);
  return how != no;
}

// -- from the program's socket to the listener's

#include "incoming.bpf.h"

#include "arrivals.bpf.h"

// Both are read, whatever the family is: the compiler would make one read at a computed place of the two, and the verifier
// refuses those in the context.
#define FIELD(of) (*(volatile __u32*)&(of))

static __always_inline struct omnilink_path path(int v4, __u32 four, __u32 a, __u32 b, __u32 c, __u32 d, __u32 port, __u32 listener) {
  struct omnilink_path out = {{a, b, c, d}, port, listener};
  if (!v4) return out;
  out.address[0] = out.address[1] = 0;
  out.address[2] = bpf_htonl(0xffff);
  out.address[3] = four;
  return out;
}

static __always_inline struct omnilink_path path_of_program(struct bpf_sock_ops* ops) {
  return path(ops->family == family_v4, FIELD(ops->local_ip4), FIELD(ops->local_ip6[0]), FIELD(ops->local_ip6[1]), FIELD(ops->local_ip6[2]),
              FIELD(ops->local_ip6[3]), ops->local_port, bpf_ntohl(ops->remote_port));
}

static __always_inline struct omnilink_path path_of_accepted(struct bpf_sock_ops* ops) {
  return path(ops->family == family_v4, FIELD(ops->remote_ip4), FIELD(ops->remote_ip6[0]), FIELD(ops->remote_ip6[1]),
              FIELD(ops->remote_ip6[2]), FIELD(ops->remote_ip6[3]), bpf_ntohl(ops->remote_port), ops->local_port);
}

static __always_inline void is_about_to_send(struct bpf_sock_ops* ops) {
  if (capture.incoming && is_own_process(BPF_CORE_READ(leader(), tgid))) {
    const struct omnilink_path own = path_of_program(ops);
    goes_onward(ops, &own);
    return;
  }
  struct bpf_sock* socket = ops->sk;
  struct omnilink_origin* known = socket ? bpf_sk_storage_get(&dialled, socket, 0, 0) : 0;
  if (!known || known->sent) return;
  known->sent = 1;
  if (!known->captured) return;
  const struct omnilink_path key = path_of_program(ops);
  bpf_map_update_elem(&on_the_way, &key, known, BPF_ANY);
  bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

static __always_inline int is_of_borrowed(struct bpf_sock_ops* ops) {
  return capture.borrowed && (ops->local_port == capture.port_v4 || (capture.incoming && is_listened(ops->local_port)));
}

// Where an incoming connection wanted to go is the accepted socket's own address.
static __always_inline int came_in(struct bpf_sock_ops* ops, const struct omnilink_path* path, struct omnilink_origin* into) {
  const struct omnilink_source source = source_at(path);
  if (!capture.incoming || ops->local_port == capture.port_v4 || !is_listened(ops->local_port)) return 0;
  if (bpf_map_lookup_elem(&onward, &source)) return 0;  // the agent's own, and the program accepts it
  const struct omnilink_path own = path_of_program(ops);
  __builtin_memset(into, 0, sizeof(*into));
  __builtin_memcpy(into->address, own.address, sizeof(into->address));
  into->port = own.port;
  into->uid = into->gid = ~0u;
  into->captured = 1;
  return 1;
}

static __always_inline void was_accepted(struct bpf_sock_ops* ops) {
  if (bpf_get_netns_cookie(ops) != capture.netns) return;
  const struct omnilink_path key = path_of_accepted(ops);
  struct omnilink_origin* known = bpf_map_lookup_elem(&on_the_way, &key);
  struct omnilink_origin incoming;
  if (!known && came_in(ops, &key, &incoming)) known = &incoming;
  if (is_of_borrowed(ops)) arrived(ops, &key, known);
  struct bpf_sock* socket = ops->sk;
  if (!known || !socket) return;
  bpf_sk_storage_get(&origins, socket, known, BPF_SK_STORAGE_GET_F_CREATE);
  bpf_map_delete_elem(&on_the_way, &key);
}

static __always_inline void begins_to_listen(struct bpf_sock_ops* ops) {
  if (!capture.incoming || bpf_get_netns_cookie(ops) != capture.netns || !descends(leader())) return;
  listens(ops, 1);
  watch_state(ops);
}

// A listening socket of a program's; an accepted one of a borrowed listener; or a program's, before it was accepted.
static __always_inline void was_closed(struct bpf_sock_ops* ops) {
  if (ops->args[0] == BPF_TCP_LISTEN) {
    listens(ops, -1);
    return;
  }
  if (is_of_borrowed(ops)) {
    const struct omnilink_path of_accepted = path_of_accepted(ops);
    left(ops, &of_accepted);
  }
  const struct omnilink_path key = path_of_program(ops);
  if (capture.incoming) {
    const struct omnilink_source own = source_at(&key);
    bpf_map_delete_elem(&onward, &own);
  }
  struct omnilink_origin* known = bpf_map_lookup_elem(&on_the_way, &key);
  if (known && known->cookie == bpf_get_socket_cookie(ops)) bpf_map_delete_elem(&on_the_way, &key);
}

SEC("sockops")
int sockets(struct bpf_sock_ops* ops) {
  if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB) is_about_to_send(ops);
  else if (ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) was_accepted(ops);
  else if (ops->op == BPF_SOCK_OPS_TCP_LISTEN_CB) begins_to_listen(ops);
  else if (ops->op == BPF_SOCK_OPS_STATE_CB && ops->args[1] == BPF_TCP_CLOSE) was_closed(ops);
  return 1;
}

#include "answers.bpf.h"

char LICENSE[] SEC("license") = "GPL";
