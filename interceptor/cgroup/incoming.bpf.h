// Part of connect.bpf.c: what a program that is looked at listens on, and what the agent itself opens. The program of sk_lookup, which
// knows of no process, has both to go by: what comes to such a port is the agent's, but not what it sends on to the program.

#include "interceptor/bpf/listened.bpf.h"

static __always_inline void watch_state(struct bpf_sock_ops* ops) {
  bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

static __always_inline void listens(struct bpf_sock_ops* ops, int change) {
  const __u32 port = ops->local_port;
  __u32* count = bpf_map_lookup_elem(&listened, &port);
  if (count) __sync_fetch_and_add(count, change);
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
