// What every fuzz target of a handshake does: one input, whole, byte by byte, and cut where the input itself
// says; the outcome must be the same, and no more than the limit may be held.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/wire/scenes.hpp"

namespace omnilink::wire::playbook {

inline void must(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

template <class Scene>
void fuzz_scene(const Scene& scene, bytes input) {
  const played expected = play(scene, input);
  must(!expected.greedy, "asked for more than may be held");
  must(expected.taken <= input.size(), "took more than there was");
  std::string wrong = compare(scene, input, every_byte(input.size()), expected);
  must(wrong.empty(), wrong);
  std::mt19937_64 random{input.empty() ? 0u : input.back()};
  wrong = compare(scene, input, random_cuts(input.size(), random), expected);
  must(wrong.empty(), wrong);
}

}  // namespace omnilink::wire::playbook
