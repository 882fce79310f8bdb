#include "cli/demo.hpp"
#include "cli/verbs.hpp"

namespace omnilink::cli {
namespace {

struct demo_flags {
  bool once = false;
};

int run_demo(const demo_flags& given) {
  return demo_verb(given.once);
}

}  // namespace

void add_demo(CLI::App& program, action& chosen) {
  auto given = std::make_shared<demo_flags>();
  CLI::App& verb =
      add_verb(program, chosen, "demo", "A real client, intercepted, through three hops of its own",
               "  omnilink demo --once", given, run_demo);
  verb.add_flag("--once", given->once, "End after one trip");
}

}  // namespace omnilink::cli
