#include "interceptor/filter/action.hpp"

#include <array>

namespace omnilink::interceptor::filter {
namespace {

constexpr std::array<std::string_view, action_kinds> action_names{"permit",          "block",
                                                           "chain",           "direct",
                                                           "redirect",        "callout_terminating",
                                                           "callout_unknown", "callout_inspection"};

std::string to_string(const block_answer& answer) {
  switch (answer.with) {
    case block_answer::how::silent:
      return "block";
    case block_answer::how::icmp:
      return "reject (icmp " + std::to_string(answer.code) + ")";
    case block_answer::how::error:
      return "reject (errno " + std::to_string(answer.code) + ")";
    case block_answer::how::reset:
      break;
  }
  return "reject";
}

std::string to_string(const new_destination& to) {
  std::string host = to.name;
  if (to.address) host = to.address->is_v6() ? "[" + to.address->to_string() + "]" : to.address->to_string();
  return "redirect:" + host + ":" + (to.port ? std::to_string(to.port) : "");
}

}  // namespace

core::target new_destination::applied_to(core::target where) const {
  if (address) where = core::target{core::endpoint{*address, where.port}};
  if (!name.empty()) where = core::target{name, where.port};
  if (port != 0) where.port = port;
  return where;
}

std::string_view name_of(action_kind k) noexcept {
  return action_names[static_cast<std::size_t>(k)];
}

std::string to_string(const action& a) {
  switch (a.kind) {
    case action_kind::block:
      return to_string(a.answer);
    case action_kind::chain:
      return "chain:" + a.name;
    case action_kind::redirect:
      return to_string(a.to);
    case action_kind::permit:
    case action_kind::direct:
      return std::string{name_of(a.kind)};
    default:
      return "callout:" + a.name;
  }
}

}  // namespace omnilink::interceptor::filter
