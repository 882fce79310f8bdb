#include "cli/tls_files.hpp"

#include "cli/private_file.hpp"

namespace omnilink::cli {
namespace {

/// The bundle of all that browsers trust has 0.2 MiB.
constexpr std::size_t authorities_max = 4 * 1024 * 1024;
/// A chain of ten certificates fits a few times.
constexpr std::size_t certificates_max = 256 * 1024;
/// RSA of 16384 bits has 13 KB in PEM.
constexpr std::size_t key_max = 64 * 1024;

}  // namespace

std::string read_tls_files(chain::hop& into) {
  if (!into.tls) return {};
  io::tls_client_config& tls = *into.tls;
  if (!tls.ca_file.empty()) {
    const auto authorities = read_private_file(tls.ca_file, authorities_max, readers::anybody);
    if (authorities.has_error()) return "ca " + authorities.error();
    tls.ca_pem = authorities->reveal();
  }
  if (tls.certificate_file.empty() || tls.key_file.empty()) return {};
  const auto certificates = read_private_file(tls.certificate_file, certificates_max, readers::anybody);
  if (certificates.has_error()) return "cert " + certificates.error();
  auto key = read_private_file(tls.key_file, key_max, readers::owner);
  if (key.has_error()) return "key " + key.error();
  tls.certificate_pem = certificates->reveal();
  tls.key_pem = std::move(*key);
  return {};
}

}  // namespace omnilink::cli
