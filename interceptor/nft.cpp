#include "interceptor/nft.hpp"

#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <string_view>

#include "io/descriptor.hpp"

namespace omnilink::interceptor {

std::unique_ptr<nft> nft::open() {
  // The library ends the process when it gets no socket.
  if (!io::descriptor{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)}) return nullptr;
  nft_ctx* context = nft_ctx_new(NFT_CTX_DEFAULT);
  if (context == nullptr) return nullptr;
  nft_ctx_buffer_error(context);
  nft_ctx_buffer_output(context);
  return std::unique_ptr<nft>{new nft{context}};
}

nft::~nft() { nft_ctx_free(context_); }

std::string nft::run(const std::string& commands) {
  const bool done = nft_run_cmd_from_buffer(context_, commands.c_str()) == 0;
  const std::string_view said{nft_ctx_get_error_buffer(context_)};
  (void)nft_ctx_get_output_buffer(context_);  // reading empties it
  if (done) return {};
  const std::string first{said.substr(0, said.find('\n'))};
  return first.empty() ? "nft failed and does not say why" : first;
}

std::string nft::list(const std::string& commands) {
  const bool done = nft_run_cmd_from_buffer(context_, commands.c_str()) == 0;
  const std::string out{nft_ctx_get_output_buffer(context_)};
  (void)nft_ctx_get_error_buffer(context_);
  return done ? out : std::string{};
}

}  // namespace omnilink::interceptor
