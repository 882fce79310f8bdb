// A user writes any configuration. Whatever is wrong with it has a place; what is not refused becomes filters, whose decisions
// and whose explanation agree.
#include "cli/config_file.hpp"

#include <regex>

#include "actors/rules.hpp"
#include "cli/rule_list.hpp"
#include "tests/fuzz/scene.hpp"

using namespace omnilink;
using namespace omnilink::interceptor::filter;
using wire::playbook::must;

namespace {

bool has_place(const std::string& line) {
  static const std::regex place{"fuzz\\.toml(:[0-9]+:[0-9]+: [^\\r\\n]+|: and [0-9]+ more errors)"};
  return std::regex_match(line, place);
}

values some_connection(bool is_v6) {
  values out;
  out.set(field_id::remote_address, *core::address::parse(is_v6 ? "2001:db8::7" : "192.0.2.7"));
  out.set(field_id::local_address, *core::address::parse(is_v6 ? "2001:db8::1" : "10.0.0.1"));
  for (const field_id f : {field_id::remote_port, field_id::local_port, field_id::protocol, field_id::uid, field_id::gid, field_id::time}) out.set(f, std::uint64_t{80});
  for (const field_id f : {field_id::host, field_id::exe, field_id::cgroup, field_id::listener}) out.set(f, std::string_view{"www.example.com"});
  return out;
}

void ask(const policy& rules) {
  const values known = some_connection(false), known_v6 = some_connection(true);
  for (std::size_t l = 0; l < layers; ++l) {
    const auto at = static_cast<layer_id>(l);
    const bool is_v6 = name_of(at).ends_with("v6");
    const decision said = rules.classify(at, is_v6 ? known_v6 : known, {});
    const decision explained = rules.explain(at, is_v6 ? known_v6 : known, {}).decision;
    must(said.what == explained.what && said.by == explained.by && said.way == explained.way, "explain tells another story");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto list = cli::parse_rule_list(text); list.has_error())
    must(std::regex_search(list.error(), std::regex{"^[0-9]+: [^\\r\\n]+$"}), "a list's error without its line: " + list.error());
  cli::settings read;
  const auto errors = cli::read_config(text, "fuzz.toml", read);
  for (const std::string& line : errors) must(has_place(line), "an error without a place: " + line);
  if (!errors.empty()) return 0;
  engine rules;
  const auto refused = actors::load_rules(rules, read.service);
  must(refused.empty(), "refused only once it is loaded: " + (refused.empty() ? "" : refused.front()));
  ask(*rules.current());
  return 0;
}
