// Part of connect.bpf.c: the connections that a borrowed listener accepted, by where they come from. Its program asks by the
// source port, from whatever process, so what is kept here is right from before accept() returns until the accepted socket ends:
// a later connection from the same place, taken or not, has the older one's entry replaced or removed first.

// The loader makes these three larger where a listener is borrowed.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct omnilink_source);
  __type(value, struct omnilink_arrival);
} arrivals SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct omnilink_unusual);
} unusual SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} news SEC(".maps");

static __always_inline void tell(const struct omnilink_source* source, const struct omnilink_arrival* arrival, int closed) {
  struct omnilink_news* out = bpf_ringbuf_reserve(&news, sizeof(*out), 0);
  if (!out) return;  // nobody listens fast enough
  out->closed = closed;
  out->source = *source;
  out->arrival = *arrival;
  bpf_ringbuf_submit(out, 0);
}

static __always_inline int is_usual(const __u32* address) {
  return address[2] == bpf_htonl(0xffff) ? address[3] == bpf_htonl(0x7f000001)
                                         : !address[0] && !address[1] && !address[2] && address[3] == bpf_htonl(1);
}

static __always_inline int is_same(const __u32* one, const __u32* other) {
  return one[0] == other[0] && one[1] == other[1] && one[2] == other[2] && one[3] == other[3];
}

// So that who asks by the port alone knows of all. 0: there is no room.
static __always_inline int note(const struct omnilink_source* source) {
  if (is_usual(source->address)) return 1;
  const __u32 port = source->port;
  struct omnilink_unusual* seen = bpf_map_lookup_elem(&unusual, &port);
  if (!seen) {
    const struct omnilink_unusual none = {};
    bpf_map_update_elem(&unusual, &port, &none, BPF_NOEXIST);
    seen = bpf_map_lookup_elem(&unusual, &port);
    if (!seen) return 0;
  }
  struct omnilink_source other = {.port = port};
  int room = -1;
  for (int i = 0; i < OMNILINK_UNUSUAL_MAX; ++i) {
    __builtin_memcpy(other.address, seen->address[i], sizeof(other.address));
    if (is_same(other.address, source->address)) return 1;
    if (room < 0 && !bpf_map_lookup_elem(&arrivals, &other)) room = i;
  }
  if (room < 0 || room >= OMNILINK_UNUSUAL_MAX) return 0;
  __builtin_memcpy(seen->address[room], source->address, sizeof(other.address));
  return 1;
}

// `known` null: nobody was sent here, it came by itself.
static __always_inline void arrived(struct bpf_sock_ops* ops, const struct omnilink_path* path, const struct omnilink_origin* known) {
  const struct omnilink_source source = source_at(path);
  bpf_map_delete_elem(&arrivals, &source);
  if (!known || !note(&source)) return;
  const struct omnilink_arrival arrival = {*known, bpf_get_socket_cookie(ops), bpf_ktime_get_ns()};
  if (bpf_map_update_elem(&arrivals, &source, &arrival, BPF_ANY) != 0) return;
  watch_state(ops);
  tell(&source, &arrival, 0);
}

static __always_inline void left(struct bpf_sock_ops* ops, const struct omnilink_path* path) {
  const struct omnilink_source source = source_at(path);
  const struct omnilink_arrival* known = bpf_map_lookup_elem(&arrivals, &source);
  if (!known || known->socket != bpf_get_socket_cookie(ops)) return;
  tell(&source, known, 1);
  bpf_map_delete_elem(&arrivals, &source);
}
