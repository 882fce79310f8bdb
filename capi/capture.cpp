#include "capi/capture.hpp"

#include <algorithm>
#include <array>

#include "core/nearest_word.hpp"
#include "interceptor/capture_words.hpp"
#include "wire/url.hpp"

namespace omnilink::capi {
namespace {

// Those that a program knows of its connect().
constexpr std::array<std::string_view, 8> conditions{"pid", "port", "cidr", "uid", "gid", "cgroup", "exe", "process"};

}  // namespace

std::string read_capture(std::string_view text, core::capture& into) {
  const auto url = wire::parse_url("cgroup://127.0.0.1?" + std::string{text});
  if (url.has_error()) return "capture: " + core::quoted(text) + " is no list of conditions, as pid=4711&port=80,443";
  for (const auto& [key, values] : url->parameters) {
    if (std::ranges::find(conditions, key) == conditions.end())
      return "capture: there is no condition " + core::quoted(key) + core::did_you_mean(key, conditions);
    for (std::string_view rest = values; !rest.empty();) {
      const auto end = std::min(rest.find(','), rest.size());
      if (std::string wrong = interceptor::add_capture_word(key, rest.substr(0, end), into); !wrong.empty()) return "capture: " + wrong;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  const std::string wrong = into.validate();
  return wrong.empty() ? wrong : "capture: " + wrong;
}

}  // namespace omnilink::capi
