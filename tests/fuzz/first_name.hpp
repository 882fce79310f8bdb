// What holds for every reader of a stream's first bytes: however many of them there are, what is decided stays, and a name is one.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "core/host_name.hpp"
#include "wire/first_name.hpp"

namespace omnilink::wire {

inline void fuzz_first_name(first_name (*read)(bytes), bytes input) {
  const auto must = [](bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
  };
  const first_name whole = read(input);
  must((whole.what == first_name::state::found) == core::valid_host_name(whole.name), "not a host name");
  // Every prefix of a long input would take for ever.
  const std::size_t step = 1 + input.size() / 512;
  for (std::size_t size = 0; size < input.size(); size += step) {
    const first_name early = read(input.first(size));
    const bool is_same = early.what == whole.what && early.name == whole.name;
    must(is_same || early.what == first_name::state::incomplete, "later bytes change what was decided");
  }
  read_first_name(input);
}

}  // namespace omnilink::wire
