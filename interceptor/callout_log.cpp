#include "interceptor/callout_log.hpp"

#include <functional>
#include <utility>

namespace omnilink::interceptor {
namespace {

using filter::field_id;

constexpr core::nanoseconds second = std::chrono::seconds{1};

std::string destination_of(const filter::values& known) {
  const auto port = static_cast<std::uint16_t>(known.number(field_id::remote_port));
  if (known.has(field_id::host)) return core::target{std::string{known.text(field_id::host)}, port}.to_string();
  return core::endpoint{known.address(field_id::remote_address), port}.to_string();
}

}  // namespace

void callout_log::classify(const filter::values& known, const filter::metadata& about, filter::layer_data, const filter::filter& by,
                           std::uint64_t, filter::classify_out& out) {
  out.action = filter::classify_out::answer::go_on;
  const bool is_told = about.way == filter::stream_way::to_client;  // when its client spoke
  if (is_told || about.explaining || about.reauthorizing || !io::log::enabled(settings_.level)) return;
  const std::string source = known.to_string(field_id::local_address), destination = show_(destination_of(known));
  const auto left_out = admit(std::hash<std::string>{}(std::to_string(by.id) + '\n' + source + '\n' + destination), about.now);
  if (!left_out) return;
  io::log::line(settings_.level, "callout-log",
                {{"rule", by.name},
                 {"layer", name_of(by.layer)},
                 {"text", settings_.text},
                 {"source", source},
                 {"destination", destination},
                 {"tags", known.has(field_id::tag) ? known.to_string(field_id::tag) : std::string{}},
                 {"left_out", *left_out}});
}

// nullopt: not now. Otherwise how many lines were left out since the last one.
std::optional<std::uint64_t> callout_log::admit(std::size_t line, core::instant now) {
  const std::lock_guard lock{mutex_};
  if (recent_.size() > 2 * lines_per_second) std::erase_if(recent_, [now](const auto& one) { return now - one.second >= second; });
  const auto same = recent_.find(line);
  const bool is_again = same != recent_.end() && now - same->second < second;
  if (is_again || !rate_.take(1, now)) {
    ++left_out_;
    return std::nullopt;
  }
  recent_[line] = now;
  return std::exchange(left_out_, 0);
}

}  // namespace omnilink::interceptor
