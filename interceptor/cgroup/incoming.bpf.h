// Part of connect.bpf.c: what a program that is looked at listens on, and what the agent itself opens. The program of sk_lookup, which
// knows of no process, has both to go by: what comes to such a port is the agent's, but not what it sends on to the program.

// The loader makes these larger where incoming connections are taken.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);    // port, host order
  __type(value, __u32);  // how many sockets listen on it
} listened SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct omnilink_source);
  __type(value, __u8);
} onward SEC(".maps");

static __always_inline void watch_state(struct bpf_sock_ops* ops) {
  bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

static __always_inline void listens(struct bpf_sock_ops* ops, int change) {
  const __u32 port = ops->local_port;
  __u32* count = bpf_map_lookup_elem(&listened, &port);
  if (count) __sync_fetch_and_add(count, change);
}

static __always_inline int is_listened(__u32 port) {
  const __u32* count = bpf_map_lookup_elem(&listened, &port);
  return count && *count;
}

static __always_inline struct omnilink_source source_at(const struct omnilink_path* path) {
  struct omnilink_source out = {.port = path->port};
  __builtin_memcpy(out.address, path->address, sizeof(out.address));
  return out;
}

static __always_inline void goes_onward(struct bpf_sock_ops* ops, const struct omnilink_path* path) {
  const struct omnilink_source source = source_at(path);
  const __u8 yes = 1;
  bpf_map_update_elem(&onward, &source, &yes, BPF_ANY);
  watch_state(ops);
}
