#include "interceptor/traces.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "interceptor/bpf/pins.hpp"
#include "interceptor/mark_routing.hpp"
#include "interceptor/nft.hpp"
#include "interceptor/ruleset_capture.hpp"
#include "io/privileges.hpp"

namespace omnilink::interceptor {
namespace {

// As `nft list tables` writes it.
bool is_there(const std::string& tables, std::string_view name) {
  return ("\n" + tables).find(fmt::format("\ntable {}\n", name)) != std::string::npos;
}

}  // namespace

traces find_traces() {
  traces out;
  if (!io::may_change_network()) {
    out.problem = "only with CAP_NET_ADMIN can nftables be looked at: ask again as root";
    return out;
  }
  const auto rules = nft::open();
  if (!rules) {
    out.problem = fmt::format("nf_tables: {}", std::strerror(errno));
    return out;
  }
  const std::string tables = rules->list("list tables\n");
  const bool captures = is_there(tables, capture_table);
  const bool owned = captures && rules->list(fmt::format("list table {}\n", capture_table)).find("flags owner") != std::string::npos;
  if (captures) {
    out.found.push_back({fmt::format("table {}", capture_table),
                         owned ? "the rules of a running omnilink" : "nobody's rules under our name", owned});
  }
  if (is_there(tables, guard_table)) {
    out.found.push_back({fmt::format("table {}", guard_table),
                         owned ? "guards what a running omnilink captures with fail = closed"
                               : "rejects what an omnilink with fail = closed captured that is not running any more",
                         owned});
  }
  for (auto& what : find_mark_routing()) {
    out.found.push_back({std::move(what), owned ? "brings marked packets to a running omnilink's tproxy listeners"
                                                : "brought marked packets to an omnilink that is not running any more",
                         owned});
  }
  for (const auto& pins : bpf::find_pins(bpf::netns_cookie())) {
    out.found.push_back({pins.path,
                         pins.in_use ? "guards what a running omnilink captures with fail = closed"
                                     : "refuses what a cgroup listener with fail = closed captured that is not running any more",
                         pins.in_use});
  }
  return out;
}

std::string remove_traces(const traces& those) {
  if (!those.problem.empty()) return those.problem;
  std::string commands;
  for (const trace& one : those.found) {
    if (one.in_use) continue;
    if (one.what.starts_with("table ")) commands += fmt::format("delete {}\n", one.what);
    else if (one.what.starts_with('/')) {
      if (std::string wrong = bpf::remove_pins(one.what); !wrong.empty()) return wrong;
    } else if (const int wrong = remove_mark_routing(); wrong != 0) return fmt::format("{}: {}", one.what, std::strerror(wrong));
  }
  if (commands.empty()) return {};
  const auto rules = nft::open();
  if (!rules) return fmt::format("nf_tables: {}", std::strerror(errno));
  return rules->run(commands);
}

}  // namespace omnilink::interceptor
