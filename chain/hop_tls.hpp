// The words of a hop's TLS, the same in a URL's query and in `tls = { … }`.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "io/tls_config.hpp"

namespace omnilink::chain {

inline constexpr std::array<std::string_view, 7> tls_keys{"ca", "sni", "cert", "key", "min_version", "pin", "alpn"};

/// pin and alpn: several values, joined by commas in a URL, a list in TOML.
bool takes_several(std::string_view tls_key) noexcept;

/// `values` holds one where takes_several() is false. Empty: done; otherwise what is wrong. Opens no file.
std::string set_tls(std::string_view tls_key, const std::vector<std::string>& values, io::tls_client_config& into);

/// Empty: what the words say together makes sense.
std::string validate_tls(const io::tls_client_config& config);

}  // namespace omnilink::chain
