// The program of a listener that takes what other machines open to this one. The kernel asks it which socket a connection's first
// packet is for, before it looks among those that listen: ours, whatever address and port that is. No packet is changed, so the accepted
// socket has the original destination as its own address, and what is established is not asked about. Only what Linux 6.1 has.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "interceptor/sk_lookup/shared.h"

enum { tcp = 6, family_v4 = 2, loopback_interface = 1, eexist = 17 };

const volatile struct omnilink_arrivals arrivals;
const volatile __u64 ports[65536 / 64];  // a bit for each that is captured

// The first socket of each family's; the kernel goes on to the others of its group. It takes out one that is closed.
struct {
  __uint(type, BPF_MAP_TYPE_SOCKMAP);
  __uint(max_entries, OMNILINK_FAMILIES);
  __type(key, __u32);
  __type(value, __u64);
} listeners SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 256);
  __type(key, struct omnilink_network);
  __type(value, __u8);
} networks SEC(".maps"), sources SEC(".maps");

// This machine's addresses.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, OMNILINK_OWN_ADDRESSES);
  __type(key, struct omnilink_network);
  __type(value, __u8);
} own SEC(".maps");

// Where the ports of some programs are taken.
#include "interceptor/bpf/listened.bpf.h"

enum { words = 4 };

static __always_inline struct omnilink_network whole(int v4, __u32 four, __u32 a, __u32 b, __u32 c, __u32 d) {
  struct omnilink_network out = {128, {a, b, c, d}};
  if (!v4) return out;
  out.address[0] = out.address[1] = 0;
  out.address[2] = bpf_htonl(0xffff);
  out.address[3] = four;
  return out;
}

// This machine's own clients of the service, and we on our way there. The interface does not tell: for what goes to an address of this
// machine by the loopback interface the kernel names the one that has the address.
static __always_inline int is_from_here(struct bpf_sk_lookup* ctx, const struct omnilink_network* to, const struct omnilink_network* from) {
  // Without an interface somebody asks for a socket, and there is no packet.
  if (ctx->ingress_ifindex <= loopback_interface) return 1;
  // Unless a program chooses another one, an own address talks to itself; this one may be too young for the map.
  int same = 1;
  for (int i = 0; i < words; ++i) same &= to->address[i] == from->address[i];
  return same || bpf_map_lookup_elem(&own, from);
}

static __always_inline int is_listed(struct bpf_sk_lookup* ctx, const struct omnilink_network* from) {
  if (!is_listened(ctx->local_port) || !ctx->ingress_ifindex) return 0;
  struct omnilink_source source = {.port = bpf_ntohs(ctx->remote_port)};
  for (int i = 0; i < words; ++i) source.address[i] = from->address[i];
  return !bpf_map_lookup_elem(&onward, &source);
}

static __always_inline int is_meant(struct bpf_sk_lookup* ctx) {
  const __u32 conditions = arrivals.conditions;
  const __u16 port = ctx->local_port;
  if ((conditions & OMNILINK_ARRIVAL_PORTS) && !(ports[port / 64] >> (port % 64) & 1)) return 0;
  const int v4 = ctx->family == family_v4;
  const struct omnilink_network to = whole(v4, ctx->local_ip4, ctx->local_ip6[0], ctx->local_ip6[1], ctx->local_ip6[2], ctx->local_ip6[3]);
  const struct omnilink_network from = whole(v4, ctx->remote_ip4, ctx->remote_ip6[0], ctx->remote_ip6[1], ctx->remote_ip6[2], ctx->remote_ip6[3]);
  if (conditions & OMNILINK_ARRIVAL_LISTED) return is_listed(ctx, &from);
  if (is_from_here(ctx, &to, &from)) return 0;
  if ((conditions & OMNILINK_ARRIVAL_NETWORKS) && !bpf_map_lookup_elem(&networks, &to)) return 0;
  return !(conditions & OMNILINK_ARRIVAL_SOURCES) || bpf_map_lookup_elem(&sources, &from) != 0;
}

SEC("sk_lookup")
int incoming(struct bpf_sk_lookup* ctx) {
  if (ctx->protocol != tcp || !is_meant(ctx)) return SK_PASS;
  const __u32 family = ctx->family == family_v4 ? OMNILINK_V4 : OMNILINK_V6;
  struct bpf_sock* listener = bpf_map_lookup_elem(&listeners, &family);
  if (!listener) return arrivals.closed || !(arrivals.served[family] || (arrivals.conditions & OMNILINK_ARRIVAL_LISTED)) ? SK_DROP : SK_PASS;
  const long wrong = bpf_sk_assign(ctx, listener, 0);
  bpf_sk_release(listener);
  // Another capture was asked before this one, and took it.
  return wrong && wrong != -eexist ? SK_DROP : SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";
