// What a filter does with the connections that meet its conditions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"

namespace omnilink::interceptor::filter {

/// The three callout kinds are FWP_ACTION_CALLOUT_TERMINATING, _UNKNOWN and _INSPECTION of Microsoft's
/// FWPS_ACTION0. `chain`, `direct` and `redirect` are permits that say more: which way, or where to.
enum class action_kind : std::uint8_t {
  permit,
  block,
  chain,                ///< permit, through the chain of that name
  direct,               ///< permit, without a chain
  redirect,             ///< permit, to another destination
  callout_terminating,  ///< the callout must permit or block; anything else counts as block
  callout_unknown,      ///< the callout may permit, block or go on
  callout_inspection,   ///< the callout looks only; whatever it answers counts as go on
};
inline constexpr std::size_t action_kinds = 8;

/// How a blocked program learns of it.
struct block_answer {
  enum class how : std::uint8_t {
    silent,  ///< nothing: it waits until it gives up
    reset,   ///< RST
    icmp,    ///< destination unreachable with `code` (RFC 792, RFC 4443)
    error,   ///< connect() fails with the errno `code`, where the listener can do that; RST elsewhere
  };
  how with = how::reset;
  std::uint16_t code = 0;  ///< icmp: 0 to 15; error: 1 to 4095; else 0
  friend bool operator==(const block_answer&, const block_answer&) = default;
};

/// Empty parts stay as they are.
struct new_destination {
  std::string name;  ///< a host name; excludes `address`
  std::optional<core::address> address;
  std::uint16_t port = 0;  ///< 0: keep
  bool empty() const noexcept { return name.empty() && !address && port == 0; }
  core::target applied_to(core::target where) const;
  friend bool operator==(const new_destination&, const new_destination&) = default;
};

struct action {
  action_kind kind = action_kind::permit;
  std::string name;     ///< of the chain or the callout; empty otherwise
  block_answer answer;  ///< block only
  new_destination to;   ///< redirect only

  static action permit() { return {}; }
  static action block(block_answer answer = {}) { return {action_kind::block, {}, answer, {}}; }
  static action chain(std::string name) { return {action_kind::chain, std::move(name), {}, {}}; }
  static action direct() { return {action_kind::direct, {}, {}, {}}; }
  static action redirect(new_destination to) { return {action_kind::redirect, {}, {}, std::move(to)}; }
  static action callout(action_kind kind, std::string name) { return {kind, std::move(name), {}, {}}; }

  friend bool operator==(const action&, const action&) = default;
};

constexpr bool is_callout(action_kind k) noexcept {
  return k >= action_kind::callout_terminating;
}
/// A permit that says which way, or where to.
constexpr bool has_way(action_kind k) noexcept {
  return k == action_kind::chain || k == action_kind::direct || k == action_kind::redirect;
}

/// "callout_inspection".
std::string_view name_of(action_kind k) noexcept;
/// "chain:out", "reject", "block", "redirect::8080", "callout:log": as in `[[rule]]`.
std::string to_string(const action& a);

}  // namespace omnilink::interceptor::filter
