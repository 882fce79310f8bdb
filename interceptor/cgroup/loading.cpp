#include "interceptor/cgroup/loading.hpp"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "interceptor/bpf/load_failure.hpp"
#include "interceptor/cgroup/shared.h"
// Last: it knows the types of shared.h by their names only.
#include "interceptor/cgroup/connect.skel.h"

namespace omnilink::interceptor::cgroup {

void let_go::operator()(connect_programs* p) const noexcept { connect_programs__destroy(p); }
void let_go::operator()(bpf_link* l) const noexcept { bpf_link__destroy(l); }

std::array<bpf_program*, at_cgroup> of_cgroup(const connect_programs& p) noexcept {
  return {p.progs.sockets, p.progs.peer4, p.progs.peer6, p.progs.name4, p.progs.name6, p.progs.connect4, p.progs.connect6};
}

std::optional<failure> attach(const connect_programs& all, const place& where, std::array<link, at_cgroup>& into, std::string_view other_way) {
  const auto those = of_cgroup(all);
  for (std::size_t i = 0; i < at_cgroup; ++i) {
    into[i].reset(bpf_program__attach_cgroup(those[i], where.directory.get()));
    if (!into[i]) return attach_failure(where, errno, other_way);
  }
  return std::nullopt;
}

failure attach_failure(const place& where, int error, std::string_view other_way) {
  std::string why = std::strerror(error);
  if (error == EPERM) why = "another program is attached there alone, without BPF_F_ALLOW_MULTI (bpftool cgroup tree), or CAP_NET_ADMIN is missing";
  return {error, "cgroup " + where.path + ": " + why + std::string{other_way}};
}

std::optional<failure> load_once(std::string_view other_way) {
  const bpf::listening ears;
  const programs all{connect_programs__open()};
  if (!all) return bpf::load_failure(errno, other_way);
  if (const int error = connect_programs__load(all.get()); error != 0) return bpf::load_failure(-error, other_way);
  return std::nullopt;
}

}  // namespace omnilink::interceptor::cgroup
