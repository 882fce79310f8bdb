#include "actors/access_log.hpp"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>
#include <random>

#include "io/log.hpp"

namespace omnilink::actors {
namespace {

// The same destination has the same hash within one run of the service only, so that no dictionary can be made beforehand.
std::string hashed(std::string_view text) {
  static const std::string salt = [] {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}:", random(), random(), random(), random());
  }();
  return fmt::format("{:016x}", std::hash<std::string>{}(salt + std::string{text}));
}

// "0.2,12.9"
std::string hop_milliseconds(const trip_report& trip) {
  std::string out;
  for (const auto& time : trip.hop_times) {
    if (!out.empty()) out += ',';
    const auto tenths = std::chrono::round<std::chrono::duration<std::int64_t, std::ratio<1, 10'000>>>(time.total).count();
    const fmt::format_int whole{tenths / 10};
    out.append(whole.data(), whole.size()) += {'.', static_cast<char>('0' + tenths % 10)};
  }
  return out;
}

using writer = void (*)(io::log::level, std::string_view, std::initializer_list<io::log::field>);

// Whoever reaches a listener, a web page even, can make these by the thousand (A1).
writer writer_of(const core::verdict& v) {
  const bool denied = (v.code == core::errc::permission_denied || v.code == core::errc::rejected) && v.step == core::step::accept;
  const bool cheap_to_make = denied || v.code == core::errc::not_redirected || v.code == core::errc::loop;
  if (cheap_to_make) return &io::log::at_most_once_a_second;
  return &io::log::line;
}

// `hash` holds what had to be made.
std::string_view shown(std::string_view destination, configuration::destinations how, std::string& hash) {
  switch (how) {
    case configuration::destinations::full: return destination;
    case configuration::destinations::hash: return hash = hashed(destination);
    case configuration::destinations::none: return "-";
  }
  return "-";
}

}  // namespace

std::string shown(const std::string& destination, configuration::destinations how) {
  std::string hash;
  return std::string{shown(destination, how, hash)};
}

std::string failure_line(const trip_report& trip) {
  const std::string where = trip.original.port != 0 ? trip.original.to_string() : trip.source.to_string();
  return where + ": " + trip.verdict.to_string();
}

void log_access(const trip_report& trip, const configuration& config) {
  if (config.report_trip) config.report_trip(trip);
  if (!config.log_access) return;
  const bool known = trip.original.port != 0;
  const bool by_name = trip.dialled.is_unspecified();  // an explicit client said a name and dialled no address
  const bool is_name = trip.original.is_name();
  const core::endpoint_text source{trip.source};
  std::optional<core::endpoint_text> address, other;
  if (!is_name) address.emplace(trip.original.endpoint());
  const bool differs = is_name || trip.dialled != trip.original.address;
  if (differs && !by_name) other.emplace(core::endpoint{trip.dialled, trip.original.port});
  const std::string_view dialled = other ? other->view() : address ? address->view() : std::string_view{};
  const std::string name = is_name ? trip.original.to_string() : std::string{};
  std::string hashes[3];
  const auto show = [&](std::string_view text, std::string& hash) { return shown(text, config.log_destinations, hash); };
  using io::log::plain;
  const io::log::field destination = !known   ? io::log::field{"destination", plain{"-"}}
                                     : is_name ? io::log::field{"destination", show(name, hashes[0])}
                                               : io::log::field{"destination", plain{show(address->view(), hashes[0])}};
  const core::verdict& v = trip.verdict;
  const std::string hops = hop_milliseconds(trip);
  static const core::program unknown;
  const core::program& who = trip.program ? *trip.program : unknown;
  writer_of(v)(io::log::level::info, "access",
               {{"id", trip.id},
                {"source", plain{source.view()}},
                {"user", trip.user},
                destination,
                {"dialled", plain{known && !by_name ? show(dialled, hashes[1]) : "-"}},
                {"chain", trip.chain},
                {"rule", trip.rule},
                {"pid", who.pid ? std::to_string(*who.pid) : std::string{}},
                {"uid", who.uid ? std::to_string(*who.uid) : std::string{}},
                {"exe", who.exe.empty() ? who.process : who.exe},
                {"cgroup", who.cgroup},
                {"sniffed", trip.sniffed.empty() ? trip.sniffed : show(trip.sniffed, hashes[2])},
                {"tags", trip.tags.empty() ? std::string{} : fmt::format("{}", fmt::join(trip.tags, ","))},
                {"hops_ms", plain{hops}},
                {"up", trip.bytes_up},
                {"down", trip.bytes_down},
                {"ms", core::to_milliseconds(trip.duration)},
                {"verdict", plain{core::name_of(v.code)}},
                {"step", plain{core::name_of(v.step)}},
                {"detail", v.ok() ? std::string{} : v.to_string()}});
}

}  // namespace omnilink::actors
