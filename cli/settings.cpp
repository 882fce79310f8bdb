#include "cli/settings.hpp"

#include <algorithm>

#include "cli/auth_file.hpp"
#include "cli/config_file.hpp"
#include "cli/exit_code.hpp"
#include "cli/tls_files.hpp"

namespace omnilink::cli {
namespace {

// A URL may hold a password, so a flag is named by its number and never quoted.
std::string nth(const char* flag, std::size_t index, std::size_t of) {
  return of == 1 ? std::string{flag} : std::string{flag} + " number " + std::to_string(index + 1);
}

void apply_hops(const std::vector<std::string>& urls, settings& into, std::vector<std::string>& errors) {
  if (urls.empty()) return;
  chain::chain out;
  out.name = "command-line";
  for (std::size_t i = 0; i < urls.size(); ++i) {
    auto parsed = chain::parse_hop_url(urls[i]);
    std::string wrong = parsed.has_error() ? parsed.error() : read_auth_file(*parsed);
    if (wrong.empty()) wrong = read_tls_files(*parsed);
    if (!wrong.empty()) {
      errors.push_back(nth("-F", i, urls.size()) + ": " + wrong);
    } else {
      out.hops.push_back(std::move(*parsed));
    }
  }
  if (std::string wrong = out.validate(); errors.empty() && !wrong.empty()) errors.push_back("-F: " + wrong);
  if (!into.service.rules.empty() || !into.service.filters.empty()) errors.push_back("-F is one chain for everything, but the file has [[rule]]s that choose; leave one of them out");
  into.service.chains.assign(1, std::move(out));
}

void apply_listeners(const std::vector<std::string>& urls, settings& into, std::vector<std::string>& errors) {
  if (!urls.empty()) into.service.listeners.clear();
  for (std::size_t i = 0; i < urls.size(); ++i) {
    auto parsed = interceptor::parse_listen_url(urls[i]);
    std::string wrong = parsed.has_error() ? parsed.error() : parsed->validate();
    if (wrong.empty()) wrong = read_auth_file(*parsed);
    if (!wrong.empty()) {
      errors.push_back(nth("-L", i, urls.size()) + ": " + wrong);
    } else {
      into.service.listeners.push_back(*parsed);
    }
  }
}

io::log::level moved(io::log::level from, int steps) {
  using enum io::log::level;
  constexpr io::log::level order[] = {error, warn, info, debug};
  const auto at = std::ranges::find(order, from) - std::begin(order);
  return order[std::clamp<std::ptrdiff_t>(at + steps, 0, std::size(order) - 1)];
}

}  // namespace

refusal apply(const settings_flags& flags, settings& into) {
  if (!flags.config_file.empty()) {
    if (auto errors = read_config_file(flags.config_file, into); !errors.empty())
      return {exit_config, std::move(errors)};
  }
  std::vector<std::string> errors;
  apply_hops(flags.hops, into, errors);
  apply_listeners(flags.listeners, into, errors);
  into.log.level = moved(into.log.level, flags.verbosity);
  return {exit_usage, std::move(errors)};
}

}  // namespace omnilink::cli
