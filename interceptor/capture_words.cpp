#include "interceptor/capture_words.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "core/nearest_word.hpp"

namespace omnilink::interceptor {
namespace {

using core::capture;

// -1 is "no user" to the kernel.
constexpr std::uint32_t id_max = std::numeric_limits<std::uint32_t>::max() - 1;

std::optional<std::uint32_t> parse_id(std::string_view text) noexcept {
  std::uint32_t out = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (wrong != std::errc{} || end != text.data() + text.size() || out > id_max) return std::nullopt;
  return out;
}

std::optional<std::uint32_t> user_id(const std::string& word) {
  if (const auto number = parse_id(word)) return number;
  const passwd* entry = ::getpwnam(word.c_str());
  if (entry == nullptr) return std::nullopt;
  return entry->pw_uid;
}

std::optional<std::uint32_t> group_id(const std::string& word) {
  if (const auto number = parse_id(word)) return number;
  const group* entry = ::getgrnam(word.c_str());
  if (entry == nullptr) return std::nullopt;
  return entry->gr_gid;
}

std::string set_direction(std::string_view word, capture& into) {
  using enum capture::way;
  for (const auto direction : {out, in, forward}) {
    if (word != name_of(direction)) continue;
    into.direction = direction;
    return {};
  }
  constexpr std::array<std::string_view, 3> known{"out", "in", "forward"};
  return "capture: direction " + core::quoted(word) + " is none of out, in, forward" + core::did_you_mean(word, known);
}

std::string add_port(std::string_view word, capture& into) {
  const auto range = core::parse_port_range(word);
  if (!range) return "capture: port " + core::quoted(word) + " is neither a port nor a range such as 8000-8100";
  into.ports.push_back(*range);
  return {};
}

std::string add_network(std::string_view word, capture& into) {
  const auto network = core::cidr::parse(word);
  if (!network) return "capture: " + core::describe_bad_cidr(word);
  into.networks.push_back(*network);
  return {};
}

std::string add_id(std::string_view kind, std::optional<std::uint32_t> id, std::string_view word, std::vector<std::uint32_t>& into) {
  if (!id) return "capture: there is no " + std::string{kind} + " " + core::quoted(word);
  into.push_back(*id);
  return {};
}

}  // namespace

std::string add_capture_word(std::string_view key, std::string_view word, capture& into) {
  if (key == "direction") return set_direction(word, into);
  if (key == "port") return add_port(word, into);
  if (key == "cidr") return add_network(word, into);
  if (key == "uid") return add_id("user", user_id(std::string{word}), word, into.uids);
  if (key == "gid") return add_id("group", group_id(std::string{word}), word, into.gids);
  if (key == "iface") return into.interfaces.emplace_back(word), std::string{};
  return "capture: a redirect listener cannot tell connections by " + std::string{key} +
         ": nf_tables knows neither programs nor, reliably, cgroups; use uid or gid";
}

}  // namespace omnilink::interceptor
