// The points in a connection's life at which filters are asked, as in WFP: each has its fields and allows its
// actions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"
#include "interceptor/filter/action.hpp"
#include "interceptor/filter/field.hpp"

namespace omnilink::interceptor::filter {

enum class layer_id : std::uint8_t {
  connect_redirect_v4,  ///< outgoing, first: the only place where a destination may change
  connect_redirect_v6,
  connect_auth_v4,  ///< outgoing: whether, and which way; sees the changed destination
  connect_auth_v6,
  accept_v4,  ///< incoming: who may come; where it wants to go is not known yet by name
  accept_v6,
  flow_established,  ///< both ends are connected; looking only
  stream,            ///< the client's first bytes, before the way is opened; then the target's, before the client has them
  flow_closed,       ///< after the end; looking only
};
inline constexpr std::size_t layers = 9;

/// "connect_auth_v4", as in the configuration.
std::string_view name_of(layer_id l) noexcept;
std::optional<layer_id> parse_layer(std::string_view name) noexcept;

/// The layer of an outgoing connection to this address; a destination that is a name only counts as IPv4.
layer_id connect_redirect_layer(const core::address& remote) noexcept;
layer_id connect_auth_layer(const core::address& remote) noexcept;
layer_id accept_layer(const core::address& remote) noexcept;

bool has_field(layer_id l, field_id f) noexcept;
/// Whether connections of this layer can have such an address.
bool has_family(layer_id l, const core::address& a) noexcept;

/// Connections wait there for a callout that has to find something out first; behind these their ends are connected already.
constexpr bool may_pend(layer_id l) noexcept { return l <= layer_id::accept_v6; }

/// Empty: the layer allows this kind of action; otherwise why not, and where it belongs.
std::string why_not_allowed(layer_id l, action_kind k);

}  // namespace omnilink::interceptor::filter
