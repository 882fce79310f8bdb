// libnftables, as much of it as we need.
#pragma once

#include <memory>
#include <string>

struct nft_ctx;

namespace omnilink::interceptor {

/// A netlink socket to nf_tables of the network namespace that this thread is in. Tables with `flags owner` go with it.
class nft {
 public:
  /// nullptr: errno says why.
  static std::unique_ptr<nft> open();
  ~nft();
  nft(const nft&) = delete;
  nft& operator=(const nft&) = delete;

  /// All of these commands in one transaction, or none. Empty: done; otherwise the first line of what nft says.
  std::string run(const std::string& commands);
  /// What `commands` (a listing) print; empty: nothing, or it failed.
  std::string list(const std::string& commands);

 private:
  explicit nft(nft_ctx* context) : context_{context} {}
  nft_ctx* context_;
};

}  // namespace omnilink::interceptor
