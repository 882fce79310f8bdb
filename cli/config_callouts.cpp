#include "cli/config_callouts.hpp"

#include <algorithm>

#include "chain/chain.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

namespace filter = interceptor::filter;

class callout_reader {
 public:
  callout_reader(const toml::table& from, config_errors& errors) : from_{from}, errors_{errors}, in_{from, "[[callout]]", errors} {}

  void read(actors::configuration& into) {
    const std::size_t before = errors_.count();
    if (!in_.text("name", out_.name) && !from_.contains("name")) in_.fail("a [[callout]] without name");
    else if (const std::string wrong = chain::validate_name(out_.name); !wrong.empty()) in_.fail_at("name", wrong);
    if (std::ranges::find(into.callouts, out_.name, &interceptor::callout_settings::name) != into.callouts.end())
      in_.fail_at("name", "a second callout with the name " + core::quoted(out_.name));
    read_kind(into.library.get());
    if (errors_.count() == before) in_.report(out_.validate());
    // What belongs to another kind is an unknown key only where the kind is known.
    if (from_.contains("kind")) in_.finish();
    into.callouts.push_back(std::move(out_));
  }

 private:
  std::string place() const { return "callout " + core::quoted(out_.name) + ": "; }

  void read_kind(const interceptor::library_peer* library) {
    if (!from_.contains("kind")) return in_.fail(place() + "there is no kind: sniff, limit, log, tag or library");
    std::size_t kind = 0;
    if (!in_.choice("kind", kind, {"sniff", "limit", "log", "tag", "library"})) return;
    if (kind == 0) read_sniff();
    if (kind == 1) read_limit();
    if (kind == 2) read_log();
    if (kind == 3) read_tag();
    if (kind == 4) read_library(library);
  }

  void read_sniff() {
    interceptor::sniff_settings s;
    in_.duration("wait", s.wait);
    out_.what = s;
  }

  void read_limit() {
    interceptor::limit_settings s;
    std::vector<std::string> words;
    in_.texts("by", words, true);
    for (const std::string& word : words) {
      std::vector<std::string_view> names;
      for (std::size_t i = 0; i < filter::fields; ++i) names.push_back(filter::name_of(static_cast<filter::field_id>(i)));
      if (const auto field = filter::parse_field(word)) s.by.push_back(*field);
      else in_.fail_at("by", place() + "there is no field " + core::quoted(word) + core::did_you_mean(word, names));
    }
    in_.integer("connections", s.connections);
    in_.integer("connections_per_second", s.connections_per_second);
    if (std::optional<std::uint64_t> bytes; in_.size("bytes_per_second", bytes) && bytes) s.bytes_per_second = *bytes;
    in_.integer("keys", s.keys);
    out_.what = std::move(s);
  }

  void read_log() {
    interceptor::log_settings s;
    if (std::size_t i; in_.choice("level", i, {"debug", "info", "warn", "error"})) s.level = static_cast<io::log::level>(i);
    in_.text("text", s.text);
    out_.what = std::move(s);
  }

  void read_tag() {
    interceptor::tag_settings s;
    in_.text("tag", s.word);
    out_.what = std::move(s);
  }

  void read_library(const interceptor::library_peer* library) {
    interceptor::library_settings s;
    in_.duration("timeout", s.timeout);
    if (std::size_t i; in_.choice("unanswered", i, {"reject", "block", "continue"})) {
      s.unanswered = filter::action::block();
      if (i == 1) s.unanswered->answer.with = filter::block_answer::how::silent;
      if (i == 2) s.unanswered.reset();
    }
    if (!library) {
      in_.fail_at("kind", place() + "library is code of the program that starts the service by libomnilink (omnilink_callout_add, omnilink_service_start); a service of its own has "
                                    "sniff, limit, log and tag");
    } else if (const auto& names = library->offer.names; std::ranges::find(names, out_.name) == names.end()) {
      const std::vector<std::string_view> known{names.begin(), names.end()};
      in_.fail_at("name", "the program has added no callout " + core::quoted(out_.name) + " (omnilink_callout_add) before it started the service" + core::did_you_mean(out_.name, known));
    }
    out_.what = std::move(s);
  }

  const toml::table& from_;
  config_errors& errors_;
  table_reader in_;
  interceptor::callout_settings out_;
};

}  // namespace

void read_callouts(const std::vector<const toml::table*>& from, actors::configuration& into, config_errors& errors) {
  for (const toml::table* one : from) callout_reader{*one, errors}.read(into);
}

}  // namespace omnilink::cli
