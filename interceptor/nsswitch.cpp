#include "interceptor/nsswitch.hpp"

namespace omnilink::interceptor {
namespace {

constexpr std::string_view blanks = " \t";

/// Cuts the next word off `text`; empty: none left.
std::string_view take_word(std::string_view& text) noexcept {
  const auto start = text.find_first_not_of(blanks);
  if (start == std::string_view::npos) return {};
  text.remove_prefix(start);
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

std::string hosts_line(std::string_view sources) {
  std::string out = "hosts:";
  bool has_dns = false;
  sources = sources.substr(0, sources.find('#'));
  for (auto word = take_word(sources); !word.empty(); word = take_word(sources)) {
    if (word != "files" && word != "myhostname" && word != "dns")
      continue;  // daemons, and [actions] about them
    out.append(" ").append(word);
    has_dns = has_dns || word == "dns";
  }
  return has_dns ? out : out + " dns";
}

}  // namespace

std::string with_hosts_from_dns(std::string_view nsswitch) {
  constexpr std::string_view hosts = "hosts:";
  std::string out;
  while (!nsswitch.empty()) {
    const std::string_view line = nsswitch.substr(0, nsswitch.find('\n'));
    nsswitch.remove_prefix(line.size() < nsswitch.size() ? line.size() + 1 : line.size());
    const auto start = line.find_first_not_of(blanks);
    const std::string_view text = start == std::string_view::npos ? line : line.substr(start);
    out += text.starts_with(hosts) ? hosts_line(text.substr(hosts.size())) : std::string{line};
    out += '\n';
  }
  return out;
}

}  // namespace omnilink::interceptor
