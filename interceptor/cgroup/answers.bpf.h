// Part of connect.bpf.c: getpeername, getsockname and SO_ORIGINAL_DST.

// -- what the program sees

static __always_inline struct omnilink_origin* dialled_by(struct bpf_sock_addr* ctx) {
  struct bpf_sock* socket = ctx->sk;
  return socket ? bpf_sk_storage_get(&dialled, socket, 0, 0) : 0;
}

SEC("cgroup/getpeername4")
int peer4(struct bpf_sock_addr* ctx) {
  const struct omnilink_origin* to = dialled_by(ctx);
  if (!to) return 1;
  ctx->user_ip4 = to->address[3];
  ctx->user_port = bpf_htons(to->port);
  return 1;
}

SEC("cgroup/getpeername6")
int peer6(struct bpf_sock_addr* ctx) {
  const struct omnilink_origin* to = dialled_by(ctx);
  if (!to) return 1;
  ctx->user_ip6[0] = to->address[0];
  ctx->user_ip6[1] = to->address[1];
  ctx->user_ip6[2] = to->address[2];
  ctx->user_ip6[3] = to->address[3];
  ctx->user_port = bpf_htons(to->port);
  return 1;
}

static __always_inline int is_v4(const struct omnilink_origin* to) {
  return !to->address[0] && !to->address[1] && to->address[2] == bpf_htonl(0xffff);
}

// Who dialled this machine's loopback is there.
static __always_inline int left_this_machine(const struct omnilink_origin* to) {
  if (is_v4(to)) return (to->address[3] & bpf_htonl(0xff000000)) != bpf_htonl(0x7f000000);
  return to->address[0] || to->address[1] || to->address[2] || to->address[3] != bpf_htonl(1);
}

// An address that the program bound itself stays.
SEC("cgroup/getsockname4")
int name4(struct bpf_sock_addr* ctx) {
  const struct omnilink_origin* to = dialled_by(ctx);
  if (to && to->captured && left_this_machine(to) && capture.source_v4 && ctx->user_ip4 == bpf_htonl(0x7f000001)) ctx->user_ip4 = capture.source_v4;
  return 1;
}

SEC("cgroup/getsockname6")
int name6(struct bpf_sock_addr* ctx) {
  const struct omnilink_origin* to = dialled_by(ctx);
  if (!to || !to->captured || !left_this_machine(to)) return 1;
  const int mapped = ctx->user_ip6[2] == bpf_htonl(0xffff) && ctx->user_ip6[3] == bpf_htonl(0x7f000001);
  const int native = !ctx->user_ip6[0] && !ctx->user_ip6[1] && !ctx->user_ip6[2] && ctx->user_ip6[3] == bpf_htonl(1);
  if (mapped && is_v4(to) && capture.source_v4) ctx->user_ip6[3] = capture.source_v4;
  // To a borrowed listener it may go by 127.0.0.1.
  if ((native || (mapped && !is_v4(to))) && capture.source_v6[0]) {
    ctx->user_ip6[0] = capture.source_v6[0];
    ctx->user_ip6[1] = capture.source_v6[1];
    ctx->user_ip6[2] = capture.source_v6[2];
    ctx->user_ip6[3] = capture.source_v6[3];
  }
  return 1;
}

// -- what the holder of the accepted socket sees

struct address_v4 {
  __u16 family, port;
  __u32 address, zero[2];
};
struct address_v6 {
  __u16 family, port;
  __u32 flow, address[4], scope;
};

// Of large options the kernel's own answer stays (it shows a program one page).
#define OPTION_MAX 4096

// Each for itself: the verifier refuses two neighbours stored as one.
static __always_inline void answered(struct bpf_sockopt* ctx, int size) {
  *(volatile __s32*)&ctx->optlen = size;
  *(volatile __s32*)&ctx->retval = 0;
}

SEC("cgroup/getsockopt")
int option(struct bpf_sockopt* ctx) {
  if (ctx->optname != OMNILINK_SO_ORIGINAL_DST || (ctx->level != ip && ctx->level != ipv6)) {
    if (ctx->optlen > OPTION_MAX) ctx->optlen = 0;
    return 1;
  }
  struct bpf_sock* socket = ctx->sk;
  const struct omnilink_origin* to = socket ? bpf_sk_storage_get(&origins, socket, 0, 0) : 0;
  if (!to) return 1;
  const int v4 = is_v4(to);
  if (v4 && ctx->level == ip) {
    struct address_v4* out = ctx->optval;
    if ((void*)(out + 1) > ctx->optval_end) return 1;
    out->family = family_v4;
    out->port = bpf_htons(to->port);
    out->address = to->address[3];
    out->zero[0] = out->zero[1] = 0;
    answered(ctx, sizeof(*out));
  } else if (!v4 && ctx->level == ipv6) {
    struct address_v6* out = ctx->optval;
    if ((void*)(out + 1) > ctx->optval_end) return 1;
    out->family = family_v6;
    out->port = bpf_htons(to->port);
    out->flow = out->scope = 0;
    __builtin_memcpy(out->address, to->address, sizeof(out->address));
    answered(ctx, sizeof(*out));
  }
  return 1;
}
