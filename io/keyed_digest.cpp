#include "io/keyed_digest.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstring>
#include <stdexcept>

#include "core/secret.hpp"
#include "io/openssl.hpp"

namespace omnilink::io {
namespace {

using mac_ptr = std::unique_ptr<EVP_MAC, openssl::freer<EVP_MAC_free>>;
using mac_context_ptr = std::unique_ptr<EVP_MAC_CTX, openssl::freer<EVP_MAC_CTX_free>>;

const unsigned char* raw(std::string_view text) noexcept { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

keyed_digest::keyed_digest() {
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1)
    throw std::runtime_error{"no random numbers: " + openssl::take_reason()};
}

keyed_digest::~keyed_digest() { core::wipe(key_.data(), key_.size()); }

keyed_digest::value keyed_digest::of(std::initializer_list<std::string_view> parts) const {
  const mac_ptr hmac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
  const mac_context_ptr context{EVP_MAC_CTX_new(hmac.get())};
  char sha256[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0), OSSL_PARAM_construct_end()};
  bool good = context && EVP_MAC_init(context.get(), key_.data(), key_.size(), parameters) == 1;
  for (const std::string_view part : parts) {
    const std::uint64_t size = part.size();
    good = good && EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(&size), sizeof size) == 1;
    good = good && EVP_MAC_update(context.get(), raw(part), part.size()) == 1;
  }
  value out{};
  std::size_t size = 0;
  // Never a digest that another password would have as well.
  if (!good || EVP_MAC_final(context.get(), out.data(), &size, out.size()) != 1 || size != out.size())
    throw std::runtime_error{"HMAC failed: " + openssl::take_reason()};
  return out;
}

std::size_t hash_of_digest::operator()(const keyed_digest::value& digest) const noexcept {
  std::size_t out;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

}  // namespace omnilink::io
