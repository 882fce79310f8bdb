// What a request to the admin API asks for: the method and target of an HTTP request become the same admin_request that
// admin.sock takes. Pure; fields and bodies of HTTP are read by who serves it.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/secret.hpp"
#include "wire/admin.hpp"

namespace omnilink::wire {

/// The longest target is a source with an address of IPv6, percent-encoded.
inline constexpr std::size_t admin_target_max = 512;

struct admin_call {
  enum class form : std::uint8_t {
    json,     ///< the reply as it is
    metrics,  ///< the text in it
    health,   ///< whether the service takes connections
  };
  admin_request request;
  form answered_as = form::json;
};

struct admin_refusal {
  unsigned status;     ///< of HTTP: 400, 404, 405
  std::string reason;  ///< one line for the reply
  std::string allow;   ///< the methods that the path has; of 405 only
};

///   GET /v1/nat?limit=N&cursor=N      GET, DELETE /v1/nat/SOURCE      GET /v1/connections?limit=N
///   DELETE /v1/connections/ID         GET /v1/chains                  GET /v1/stats, /metrics, /healthz
boost::system::result<admin_call, admin_refusal> parse_admin_call(std::string_view method, std::string_view target);

/// Exactly one of the names by which the API may be called, and nothing that only a browser sends for a page: otherwise it is another
/// site's (CSRF, DNS rebinding), and gets no answer at all. Empty `origin` or `fetch_site`: the field is not there.
struct admin_caller {
  std::string_view host, origin, fetch_site;
};
bool admits(const admin_caller& who, std::span<const std::string> names) noexcept;

/// Bytes of a token.
inline constexpr std::size_t admin_token_min = 16, admin_token_max = 256;
/// In a time that does not tell where they differ.
bool is_token(const core::secret& token, std::string_view said) noexcept;

}  // namespace omnilink::wire
