#include "interceptor/capture_words.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "core/endpoint.hpp"
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

std::string add_network(std::string_view word, std::vector<core::cidr>& into) {
  const auto network = core::cidr::parse(word);
  if (!network) return "capture: " + core::describe_bad_cidr(word);
  into.push_back(*network);
  return {};
}

std::string add_mark(std::string_view word, capture& into) {
  const auto mark = core::parse_mark(word);
  if (!mark) return "capture: mark " + core::quoted(word) + " is neither a number nor number/mask, as 0x10 or 0x10/0xf0";
  into.marks.push_back(*mark);
  return {};
}

std::string add_id(std::string_view kind, std::optional<std::uint32_t> id, std::string_view word, std::vector<std::uint32_t>& into) {
  if (!id) return "capture: there is no " + std::string{kind} + " " + core::quoted(word);
  into.push_back(*id);
  return {};
}

std::string add_pid(std::string_view word, capture& into) {
  const auto pid = parse_id(word);
  if (!pid || *pid == 0) return "capture: pid " + core::quoted(word) + " is not the number of a process";
  into.pids.push_back(*pid);
  return {};
}

std::string set_cgroup(std::string_view word, capture& into) {
  if (word.empty()) return "capture: cgroup is empty; write the name of a unit or a path, / for all";
  if (!into.cgroup.empty()) return "capture: more than one cgroup; use a listener for each, or one that both are in";
  into.cgroup = word;
  return {};
}

// What connect(2) may say; the first is what a program gets from a firewall of its own.
constexpr std::array<std::pair<std::string_view, std::uint16_t>, 7> refusals{{{"EPERM", EPERM},
                                                                              {"EACCES", EACCES},
                                                                              {"ECONNREFUSED", ECONNREFUSED},
                                                                              {"ENETUNREACH", ENETUNREACH},
                                                                              {"EHOSTUNREACH", EHOSTUNREACH},
                                                                              {"ETIMEDOUT", ETIMEDOUT},
                                                                              {"EADDRNOTAVAIL", EADDRNOTAVAIL}}};

std::string set_deny(std::string_view word, capture& into) {
  std::array<std::string_view, refusals.size()> known;
  for (std::size_t i = 0; i < refusals.size(); ++i) {
    known[i] = refusals[i].first;
    if (word != refusals[i].first) continue;
    into.deny = refusals[i].second;
    return {};
  }
  return "capture: deny " + core::quoted(word) + " is no error that connect() gives, such as ECONNREFUSED" + core::did_you_mean(word, known);
}

std::string add_rewrite(std::string_view word, capture& into) {
  const auto colon = word.find(':');
  const auto from = core::parse_port(word.substr(0, colon));
  const auto to = colon == word.npos ? std::nullopt : core::parse_port(word.substr(colon + 1));
  if (!from || !to) return "capture: rewrite " + core::quoted(word) + " is not two ports, as 80:8080";
  into.rewrites.push_back({*from, *to});
  return {};
}

}  // namespace

std::string add_capture_word(std::string_view key, std::string_view word, capture& into) {
  if (key == "direction") return set_direction(word, into);
  if (key == "port") return add_port(word, into);
  if (key == "cidr") return add_network(word, into.networks);
  if (key == "source") return add_network(word, into.sources);
  if (key == "mark") return add_mark(word, into);
  if (key == "cgroup") return set_cgroup(word, into);
  if (key == "uid") return add_id("user", user_id(std::string{word}), word, into.uids);
  if (key == "gid") return add_id("group", group_id(std::string{word}), word, into.gids);
  if (key == "iface") return into.interfaces.emplace_back(word), std::string{};
  if (key == "exe") return into.executables.emplace_back(word), std::string{};
  if (key == "process") return into.processes.emplace_back(word), std::string{};
  if (key == "pid") return add_pid(word, into);
  if (key == "deny") return set_deny(word, into);
  return add_rewrite(word, into);
}

}  // namespace omnilink::interceptor
