// What all do who load the programs and attach them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "interceptor/cgroup/hooks.hpp"
#include "interceptor/cgroup/place.hpp"

struct bpf_link;
struct bpf_program;
struct connect_programs;  // of bpftool's skeleton

namespace omnilink::interceptor::cgroup {

struct let_go {
  void operator()(connect_programs* p) const noexcept;
  void operator()(bpf_link* l) const noexcept;
};
using programs = std::unique_ptr<connect_programs, let_go>;
using link = std::unique_ptr<bpf_link, let_go>;

/// Those of a cgroup whose connections are taken. What answers comes before what captures: no captured connection is without.
inline constexpr std::size_t at_cgroup = 7, first_that_captures = 5;
std::array<bpf_program*, at_cgroup> of_cgroup(const connect_programs& p) noexcept;

// `other_way`: ends the line of a failure with what to do instead.
std::optional<failure> attach(const connect_programs& all, const place& where, std::array<link, at_cgroup>& into, std::string_view other_way);
failure attach_failure(const place& where, int error, std::string_view other_way);
/// Loads the programs and lets them go again.
std::optional<failure> load_once(std::string_view other_way);

}  // namespace omnilink::interceptor::cgroup
