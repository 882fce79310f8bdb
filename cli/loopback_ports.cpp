#include "cli/loopback_ports.hpp"

#include <algorithm>

#include "core/endpoint.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

constexpr std::uint16_t name_server_port = 53;

}  // namespace

boost::system::result<std::vector<std::uint16_t>, std::string> parse_loopback(std::string_view text) {
  constexpr std::string_view prefix = "host:";
  std::vector<std::uint16_t> out;
  if (text == "inside") return out;
  if (!text.starts_with(prefix))
    return core::quoted(text) + " is neither inside nor a list of ports, as host:3000,5432";
  text.remove_prefix(prefix.size());
  for (;;) {
    const std::size_t end = text.find(',');
    const auto port = core::parse_port(text.substr(0, end));
    if (!port) return core::quoted(text.substr(0, end)) + " is not a port; a list looks like host:3000,5432";
    if (*port == name_server_port) return "53 is the name server's, which answers inside; leave it out";
    if (std::ranges::find(out, *port) == out.end()) out.push_back(*port);
    if (out.size() > loopback_ports_max) return "more than " + std::to_string(loopback_ports_max) + " ports";
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

}  // namespace omnilink::cli
