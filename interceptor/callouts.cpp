#include "interceptor/callouts.hpp"

#include <algorithm>
#include <utility>

#include "interceptor/callout_library.hpp"
#include "interceptor/callout_limit.hpp"
#include "interceptor/callout_log.hpp"
#include "interceptor/callout_sniff.hpp"
#include "interceptor/filter/tag.hpp"

namespace omnilink::interceptor {
namespace {

using namespace std::chrono_literals;
using filter::layer_id;

constexpr std::size_t text_max = 255;  // of a log line, or a tag
constexpr std::size_t fields_max = 4;  // of a key
constexpr std::uint32_t keys_max = 1u << 20;

std::string wrong_text(const char* key, const std::string& text) {
  if (text.empty()) return std::string{key} + " is missing, or empty";
  if (text.size() > text_max) return std::string{key} + " is longer than 255 bytes";
  const bool printable = std::ranges::all_of(text, [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  return printable ? "" : std::string{key} + " has a control character";
}

std::string wrong(const sniff_settings& s) {
  return s.wait < 10ms || s.wait > 10s ? "wait must be 10ms to 10s" : "";
}

std::string wrong(const limit_settings& s) {
  if (s.connections == 0 && s.connections_per_second == 0 && s.bytes_per_second == 0)
    return "connections, connections_per_second or bytes_per_second is missing: nothing would be limited";
  if (s.bytes_per_second != 0 && (s.bytes_per_second < 1024 || s.bytes_per_second > core::token_bucket::tokens_max))
    return "bytes_per_second must be 1KiB to 4GiB";
  if (s.keys == 0 || s.keys > keys_max) return "keys must be 1 to 1048576";
  if (s.by.size() > fields_max) return "by has more than 4 fields";
  return {};
}

std::string wrong(const log_settings& s) {
  return wrong_text("text", s.text);
}

std::string wrong(const tag_settings& s) {
  if (s.word.find(',') != std::string::npos) return "tag has a comma, which stands between tags in the log";
  return wrong_text("tag", s.word);
}

std::string wrong(const library_settings& s) {
  return s.timeout < 10ms || s.timeout > 10min ? "timeout must be 10ms to 10m" : "";
}

std::string wrong(const std::shared_ptr<filter::callout>& s) {
  return s ? "" : "there is no code";
}

std::string in_words(const sniff_settings& s) {
  return "sniff: waits up to " + std::to_string(core::to_milliseconds(s.wait)) + " ms for a name in the client's first bytes";
}

std::string in_words(const limit_settings& s) {
  std::string out;
  const auto add = [&](std::uint64_t most, const char* of, const char* when) {
    if (most != 0) out += (out.empty() ? "" : ", ") + std::to_string(most) + of + (most == 1 ? "" : "s") + when;
  };
  add(s.connections, " connection", " at once");
  add(s.connections_per_second, " connection", " a second");
  add(s.bytes_per_second, " byte", " a second each way");
  for (const filter::field_id one : s.by) out += (one == s.by.front() ? " for each " : " and ") + std::string{name_of(one)};
  return "limit: " + out;
}

std::string in_words(const log_settings& s) {
  return "log: " + std::string{name_of(s.level)} + ", \"" + s.text + "\"";
}

std::string in_words(const tag_settings& s) {
  return "tag: " + s.word;
}

std::string in_words(const library_settings& s) {
  return "library: asks a library's callout, for at most " + std::to_string(core::to_milliseconds(s.timeout)) + " ms; without an answer: " +
         (s.unanswered ? filter::to_string(*s.unanswered) : "continue");
}

std::string in_words(const std::shared_ptr<filter::callout>&) {
  return "code of its own";
}

}  // namespace

std::string callout_settings::validate() const {
  return std::visit([](const auto& s) { return wrong(s); }, what);
}

filter::known_callout callout_settings::known() const {
  using enum filter::action_kind;
  const bool looks = std::holds_alternative<sniff_settings>(what) || std::holds_alternative<log_settings>(what) || std::holds_alternative<tag_settings>(what);
  return {name, looks ? callout_inspection : callout_unknown, std::holds_alternative<sniff_settings>(what)};
}

std::string callout_settings::why_not_at(layer_id where) const {
  const std::string layer{name_of(where)};
  const bool is_auth = where == layer_id::connect_auth_v4 || where == layer_id::connect_auth_v6;
  if (std::holds_alternative<sniff_settings>(what) && where != layer_id::stream)
    return "sniff reads the client's first bytes, which layer " + layer + " does not have; its layer is stream";
  if (std::holds_alternative<limit_settings>(what) && !is_auth)
    return "limit decides whether a connection may go, which layer " + layer + " does not; its layers are connect_auth_v4 and connect_auth_v6";
  if (std::holds_alternative<library_settings>(what) && !filter::may_pend(where))
    return "library is asked before the way is opened, which layer " + layer + " comes after; its layers are accept, connect_redirect and connect_auth, each _v4 and _v6";
  const bool looks = std::holds_alternative<log_settings>(what) || std::holds_alternative<tag_settings>(what);
  if (looks && where == layer_id::stream)
    return "layer stream is asked several times of one connection; log and tag belong to connect_auth, flow_established or flow_closed";
  return {};
}

std::string callout_settings::to_string() const {
  return std::visit([](const auto& s) { return in_words(s); }, what);
}

std::shared_ptr<filter::callout> make_callout(const callout_settings& settings, std::shared_ptr<filter::callout> former,
                                              shown_destination show) {
  if (const auto* s = std::get_if<sniff_settings>(&settings.what)) return std::make_shared<callout_sniff>(*s);
  if (const auto* s = std::get_if<log_settings>(&settings.what)) return std::make_shared<callout_log>(*s, std::move(show));
  if (const auto* s = std::get_if<tag_settings>(&settings.what)) return std::make_shared<filter::tag>(s->word);
  if (std::holds_alternative<library_settings>(settings.what)) return std::make_shared<callout_library>(settings.name);
  if (const auto* s = std::get_if<limit_settings>(&settings.what)) return callout_limit::make(*s, std::move(former));
  return std::get<std::shared_ptr<filter::callout>>(settings.what);
}

}  // namespace omnilink::interceptor
