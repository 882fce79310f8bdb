// What a program that is looked at listens on, and whence come the connections that are let through to it. cgroup/ fills these maps from
// what its programs see, sk_lookup/ goes by them; a loader joins the two, and makes them larger.
#pragma once

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

static __always_inline int is_listened(__u32 port) {
  const __u32* count = bpf_map_lookup_elem(&listened, &port);
  return count && *count;
}
