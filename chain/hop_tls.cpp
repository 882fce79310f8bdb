#include "chain/hop_tls.hpp"

#include <algorithm>

#include "core/endpoint.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::chain {
namespace {

/// Keys roll over, and then two count for a while; nobody needs more.
constexpr std::size_t pins_max = 16;
constexpr std::size_t protocols_max = 16;
/// RFC 7301 section 3.1: the length is one byte.
constexpr std::size_t protocol_size_max = 255;

std::string set_pins(const std::vector<std::string>& values, io::tls_client_config& into) {
  if (values.size() > pins_max) return "pin: more than " + std::to_string(pins_max);
  into.pins.clear();
  for (const std::string& word : values) {
    const auto pin = core::spki_pin::parse(word);
    if (!pin) return "pin: " + core::quoted(word) + " is not \"sha256/\" and the 44 characters of a SHA-256 in base64";
    into.pins.push_back(*pin);
  }
  return {};
}

std::string set_alpn(const std::vector<std::string>& values, io::tls_client_config& into) {
  if (values.size() > protocols_max) return "alpn: more than " + std::to_string(protocols_max);
  for (const std::string& word : values) {
    if (word.empty() || word.size() > protocol_size_max) return "alpn: a protocol has 1 to 255 bytes, as \"http/1.1\"";
    // A hop that took it would not understand the CONNECT of HTTP/1.1.
    if (word == "h2" || word == "h3") return "alpn: " + core::quoted(word) + " is not spoken here; leave it out";
  }
  into.alpn = values;
  return {};
}

std::string set_version(const std::string& word, io::tls_client_config& into) {
  if (word != "1.2" && word != "1.3") return "min_version is neither \"1.2\" nor \"1.3\": " + core::quoted(word);
  into.least = word == "1.2" ? io::tls_version::v1_2 : io::tls_version::v1_3;
  return {};
}

std::string set_name(const std::string& word, io::tls_client_config& into) {
  if (!core::target::parse_host(word, 0)) return "sni is not a host name: " + core::quoted(word);
  into.name = word;
  return {};
}

}  // namespace

bool takes_several(std::string_view tls_key) noexcept {
  return tls_key == "pin" || tls_key == "alpn";
}

std::string set_tls(std::string_view tls_key, const std::vector<std::string>& values, io::tls_client_config& into) {
  if (tls_key == "pin") return set_pins(values, into);
  if (tls_key == "alpn") return set_alpn(values, into);
  const std::string& word = values.front();
  if (word.empty()) return std::string{tls_key} + " is empty; leave it out";
  if (tls_key == "min_version") return set_version(word, into);
  if (tls_key == "sni") return set_name(word, into);
  (tls_key == "ca" ? into.ca_file : tls_key == "cert" ? into.certificate_file : into.key_file) = word;
  return {};
}

std::string validate_tls(const io::tls_client_config& config) {
  if (config.certificate_file.empty() == config.key_file.empty()) return {};
  return config.key_file.empty() ? "cert without key: a client certificate needs both" : "key without cert: a client certificate needs both";
}

}  // namespace omnilink::chain
