#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"

namespace omnilink::cli {
namespace {

struct version_flags {
  bool json = false;
};

// The libraries' headers belong to other rooms, so the build says what it found.
constexpr struct {
  const char* name;
  const char* version;
} parts[] = {{"CAF", OMNILINK_CAF},
             {"Boost", OMNILINK_BOOST},
             {"OpenSSL", OMNILINK_OPENSSL},
             {"nftables", OMNILINK_NFTABLES}};

int print_version(const version_flags& given) {
  if (given.json) {
    nlohmann::ordered_json out{{"version", OMNILINK_VERSION}};
    for (const auto& part : parts) out["built_with"][part.name] = part.version;
    std::printf("%s\n", out.dump().c_str());
  } else {
    std::printf("omnilink %s\nbuilt with", OMNILINK_VERSION);
    for (const auto& part : parts) std::printf(" %s %s", part.name, part.version);
    std::printf("\n");
  }
  return exit_done;
}

}  // namespace

void add_version(CLI::App& program, action& chosen) {
  auto given = std::make_shared<version_flags>();
  CLI::App& verb = add_verb(program, chosen, "version", "The version, and what it was built with",
                            "  omnilink version --json", given, print_version);
  verb.add_flag("--json", given->json, "Print JSON");
}

}  // namespace omnilink::cli
