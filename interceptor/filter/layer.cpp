#include "interceptor/filter/layer.hpp"

#include <array>

namespace omnilink::interceptor::filter {
namespace {

constexpr std::array<std::string_view, layers> layer_names{
    "connect_redirect_v4", "connect_redirect_v6", "connect_auth_v4", "connect_auth_v6", "accept_v4",
    "accept_v6",           "flow_established",    "stream",          "flow_closed"};

constexpr bool is_redirect(layer_id l) noexcept {
  return l <= layer_id::connect_redirect_v6;
}
constexpr bool is_auth(layer_id l) noexcept {
  return l == layer_id::connect_auth_v4 || l == layer_id::connect_auth_v6;
}
constexpr bool looks_only(layer_id l) noexcept {
  return l == layer_id::flow_established || l == layer_id::flow_closed;
}

layer_id of_family(layer_id v4, const core::address& a) noexcept {
  const bool is_v6 = a.is_v6() && !a.is_v4_mapped();
  return static_cast<layer_id>(static_cast<std::uint8_t>(v4) + (is_v6 ? 1 : 0));
}

}  // namespace

std::string_view name_of(layer_id l) noexcept {
  return layer_names[static_cast<std::size_t>(l)];
}

std::optional<layer_id> parse_layer(std::string_view name) noexcept {
  for (std::size_t i = 0; i < layer_names.size(); ++i) {
    if (layer_names[i] == name) return static_cast<layer_id>(i);
  }
  return std::nullopt;
}

layer_id connect_redirect_layer(const core::address& remote) noexcept {
  return of_family(layer_id::connect_redirect_v4, remote);
}
layer_id connect_auth_layer(const core::address& remote) noexcept {
  return of_family(layer_id::connect_auth_v4, remote);
}
layer_id accept_layer(const core::address& remote) noexcept {
  return of_family(layer_id::accept_v4, remote);
}

bool has_field(layer_id l, field_id f) noexcept {
  const bool is_accept = l == layer_id::accept_v4 || l == layer_id::accept_v6;
  return !(is_accept && f == field_id::host);
}

bool has_family(layer_id l, const core::address& a) noexcept {
  if (l >= layer_id::flow_established) return true;
  const bool is_v6_layer = static_cast<std::uint8_t>(l) % 2 == 1;
  return a.is_v6() == is_v6_layer;
}

std::string why_not_allowed(layer_id l, action_kind k) {
  const std::string layer{name_of(l)};
  if (looks_only(l) && k != action_kind::callout_inspection) {
    return "layer " + layer +
           " only looks: its one action is callout_inspection; block and permit belong to connect_auth or "
           "accept";
  }
  if (k == action_kind::redirect && !is_redirect(l)) {
    return "layer " + layer +
           " may not change a destination: a decision about one destination would carry over to another; "
           "redirect belongs to connect_redirect_v4 and connect_redirect_v6, which come first";
  }
  if ((k == action_kind::chain || k == action_kind::direct) && !is_auth(l)) {
    return "layer " + layer + " does not choose the way: " + std::string{name_of(k)} +
           " belongs to connect_auth_v4 and connect_auth_v6";
  }
  return {};
}

}  // namespace omnilink::interceptor::filter
