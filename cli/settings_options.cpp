#include "cli/settings_options.hpp"

namespace omnilink::cli {

void add_settings_options(CLI::App& verb, settings_flags& given) {
  verb.add_option("-c,--config", given.config_file, "The configuration file")->type_name("FILE");
  verb.add_option(
          "-F,--forward", given.hops,
          "The next hop of the chain; repeat it for more. socks4://,\nsocks4a://, socks5://, socks5+tls://, "
          "http:// or https://\nwith [user:password@]host[:port];\n?auth_file=FILE reads the login from a file; or: direct, reject")
      ->type_name("URL")
      ->allow_extra_args(false);
  // Each step counts on its own, so that -v -q is as if neither were there.
  verb.add_flag(
      "-v,--verbose", [&given](std::int64_t times) { given.verbosity += static_cast<int>(times); },
      "Log more; again for still more");
  verb.add_flag(
      "-q,--quiet", [&given](std::int64_t times) { given.verbosity -= static_cast<int>(times); }, "Log less");
}

}  // namespace omnilink::cli
