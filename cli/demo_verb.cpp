#include "cli/demo.hpp"
#include "cli/verbs.hpp"

namespace omnilink::cli {
namespace {

struct flags {
  bool once = false;
};

int run(const flags& given) {
  return demo_verb(given.once);
}

}  // namespace

void add_demo(CLI::App& program, action& chosen) {
  auto given = std::make_shared<flags>();
  CLI::App& verb =
      add_verb(program, chosen, "demo", "A real client, intercepted, through three hops of its own",
               "  omnilink demo --once", given, run);
  verb.add_flag("--once", given->once, "End after one trip");
}

}  // namespace omnilink::cli
