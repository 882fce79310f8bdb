#include "interceptor/mark_routing.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "interceptor/mark.hpp"
#include "interceptor/rtnetlink.hpp"

namespace omnilink::interceptor {
namespace {

// Somebody who adds rules to our table all the time shall not keep us here.
constexpr int removals_max = 64;

// There is nothing to remove; or not even the family is there.
bool none(int system_errno) noexcept {
  return system_errno == ENOENT || system_errno == ESRCH || system_errno == EAFNOSUPPORT || system_errno == EOPNOTSUPP;
}

template <class Remove>
int remove_all(Remove remove) noexcept {
  for (int i = 0; i < removals_max; ++i) {
    if (const int wrong = remove(); wrong != 0) return none(wrong) ? 0 : wrong;
  }
  return EBUSY;
}

int install(rtnetlink& by, bool v6) noexcept {
  // The route first: a rule whose table is empty is passed over.
  if (const int wrong = by.add_local_default(mark_table, v6); wrong != 0) return wrong;
  return by.add_mark_rule(mark_rule_preference, mark_base, mark_mask, mark_table, v6);
}

}  // namespace

int install_mark_routing(bool with_v6) noexcept {
  if (const int wrong = remove_mark_routing(); wrong != 0) return wrong;
  rtnetlink by;
  int wrong = by.open();
  if (wrong == 0) wrong = install(by, false);
  if (wrong == 0 && with_v6) wrong = install(by, true);
  if (wrong != 0) remove_mark_routing();
  return wrong;
}

int remove_mark_routing() noexcept {
  rtnetlink by;
  if (const int wrong = by.open(); wrong != 0) return wrong;
  int out = 0;
  for (const bool v6 : {false, true}) {
    if (const int wrong = remove_all([&] { return by.remove_rule_to(mark_table, v6); }); wrong != 0) out = wrong;
    if (const int wrong = remove_all([&] { return by.remove_default(mark_table, v6); }); wrong != 0) out = wrong;
  }
  return out;
}

std::vector<std::string> find_mark_routing() {
  std::vector<std::string> out;
  rtnetlink by;
  if (by.open() != 0) return out;
  for (const bool v6 : {false, true}) {
    const std::string ip = v6 ? "ip -6" : "ip";
    if (by.has_rule_to(mark_table, v6)) out.push_back(fmt::format("{} rule lookup {}", ip, mark_table));
    if (by.has_route_in(mark_table, v6)) out.push_back(fmt::format("{} route table {}", ip, mark_table));
  }
  return out;
}

}  // namespace omnilink::interceptor
