#include "wire/first_name.hpp"

#include <algorithm>

#include "core/host_name.hpp"
#include "wire/client_hello.hpp"
#include "wire/http_host.hpp"

namespace omnilink::wire {

first_name read_first_name(bytes begin) {
  if (begin.empty()) return {first_name::state::incomplete, {}};
  const bytes looked_at = begin.first(std::min(begin.size(), first_bytes_max));
  first_name out = begin[0] == tls_handshake_record ? client_hello_name(looked_at) : http_host_name(looked_at);
  const bool is_long = looked_at.size() == first_bytes_max;
  if (out.what == first_name::state::incomplete && is_long) out.what = first_name::state::none;
  return out;
}

first_name checked_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (!core::valid_host_name(name)) return {};
  return {first_name::state::found, std::string{name}};
}

}  // namespace omnilink::wire
