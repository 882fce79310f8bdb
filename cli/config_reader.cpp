#include "cli/config_reader.hpp"

#include <algorithm>
#include <tuple>

#include "cli/duration.hpp"
#include "cli/size.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::cli {
namespace {

bool is_word_char(char c) noexcept {
  return c == '_' || (c >= 'a' && c <= 'z');
}

// As a word of its own: "capacity" is in "nat.capacity: …" and not in "capacity_max".
bool names(std::string_view message, std::string_view key) noexcept {
  for (std::size_t at = message.find(key); at != message.npos; at = message.find(key, at + 1)) {
    const std::size_t end = at + key.size();
    if ((at == 0 || !is_word_char(message[at - 1])) && (end == message.size() || !is_word_char(message[end])))
      return true;
  }
  return false;
}

}  // namespace

void config_errors::add(const toml::source_region& where, std::string_view what) {
  if (lines_.size() == config_errors_max) {
    ++left_out_;
    return;
  }
  std::string text = file_;
  if (where.begin) text += ":" + std::to_string(where.begin.line) + ":" + std::to_string(where.begin.column);
  lines_.push_back({where.begin, text.append(": ").append(what)});
}

std::vector<std::string> config_errors::take() {
  const auto place = [](const line& l) { return std::tuple{l.where.line, l.where.column}; };
  std::ranges::stable_sort(lines_, {}, place);
  std::vector<std::string> out;
  for (line& l : lines_) out.push_back(std::move(l.text));
  if (left_out_ != 0) out.push_back(file_ + ": and " + std::to_string(left_out_) + " more errors");
  return out;
}

table_reader::table_reader(const toml::table& from, std::string name, config_errors& errors)
    : from_{from}, name_{std::move(name)}, errors_{errors} {}

const toml::node* table_reader::find(std::string_view key) {
  known_.push_back(key);
  return from_.get(key);
}

const toml::table* table_reader::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node && !node->is_table()) wrong_type(*node, key, "a table");
  return node ? node->as_table() : nullptr;
}

std::vector<const toml::table*> table_reader::tables(std::string_view key) {
  const toml::node* node = find(key);
  if (!node) return {};
  std::vector<const toml::table*> out;
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& element : *array) {
      if (const toml::table* one = element.as_table()) out.push_back(one);
    }
    if (out.size() == array->size()) return out;
  }
  errors_.add(node->source(), core::quoted(key) + " is written as [[" + std::string{key} + "]]");
  return {};
}

bool table_reader::boolean(std::string_view key, bool& out) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto value = node->value_exact<bool>();
  if (!value) return wrong_type(*node, key, "true or false"), false;
  out = *value;
  return true;
}

bool table_reader::text(std::string_view key, std::string& out) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto value = node->value_exact<std::string_view>();
  if (!value) return wrong_type(*node, key, "a string"), false;
  // No name, path or URL has one; it would end a path early.
  if (value->find('\0') != value->npos)
    return fail_at(key, std::string{key} + " holds a null character"), false;
  out = *value;
  return true;
}

bool table_reader::texts(std::string_view key, std::vector<std::string>& out, bool several) {
  const toml::node* node = find(key);
  if (!node) return false;
  const toml::array* list = several ? node->as_array() : nullptr;
  if (!list) {
    std::string one;
    if (!text(key, one)) return false;
    out.push_back(std::move(one));
    return true;
  }
  for (const toml::node& each : *list) {
    const auto value = each.value_exact<std::string>();
    if (!value) return wrong_type(each, key, "a list of strings"), false;
    out.push_back(*value);
  }
  return true;
}

bool table_reader::duration(std::string_view key, core::nanoseconds& out) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto word = node->value_exact<std::string_view>();
  const auto value = word ? parse_duration(*word) : std::nullopt;
  if (!value) return wrong_type(*node, key, "a duration, as \"500ms\", \"10s\", \"5m\" or \"2h\""), false;
  out = *value;
  return true;
}

bool table_reader::size(std::string_view key, std::optional<std::uint64_t>& out) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto word = node->value_exact<std::string_view>();
  const auto value = word ? parse_size(*word) : std::nullopt;
  if (!value) return wrong_type(*node, key, "a size, as \"64MiB\", \"2GiB\" or \"0\""), false;
  out = *value;
  return true;
}

bool table_reader::integer(std::string_view key, std::uint64_t& out, std::uint64_t max) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto value = node->value_exact<std::int64_t>();
  if (!value) return wrong_type(*node, key, "a whole number"), false;
  if (*value < 0 || static_cast<std::uint64_t>(*value) > max) {
    return fail_at(key, std::string{key} + " is not between 0 and " + std::to_string(max)), false;
  }
  out = static_cast<std::uint64_t>(*value);
  return true;
}

bool table_reader::choice(std::string_view key, std::size_t& out,
                          std::span<const std::string_view> words) {
  std::string word;
  if (!text(key, word)) return false;
  const auto found = std::ranges::find(words, word);
  if (found != words.end()) {
    out = static_cast<std::size_t>(found - words.begin());
    return true;
  }
  std::string list;
  for (const std::string_view one : words) list.append(list.empty() ? "" : ", ").append(one);
  fail_at(key, std::string{key} + " is none of " + list + ": " + core::quoted(word) +
                   core::did_you_mean(word, words));
  return false;
}

void table_reader::fail_at(std::string_view key, std::string_view what) {
  const toml::node* node = from_.get(key);
  errors_.add(node ? node->source() : from_.source(), what);
}

void table_reader::report(std::string_view what) {
  if (what.empty()) return;
  const auto named = std::ranges::find_if(
      known_, [&](std::string_view key) { return from_.contains(key) && names(what, key); });
  fail_at(named == known_.end() ? std::string_view{} : *named, what);
}

void table_reader::later(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto found = from_.find(key);
    if (found == from_.cend()) continue;
    known_.push_back(key);
    errors_.add(found->first.source(),
                core::quoted(key) + " in " + name_ + " is not supported by this version");
  }
}

void table_reader::finish() {
  for (const auto& [key, value] : from_) {
    if (std::ranges::find(known_, key.str()) != known_.end()) continue;
    errors_.add(key.source(), "unknown key " + core::quoted(key.str()) + " in " + name_ +
                                  core::did_you_mean(key.str(), known_));
  }
}

void table_reader::wrong_type(const toml::node& node, std::string_view key, std::string_view wanted) {
  errors_.add(node.source(), core::quoted(key) + " in " + name_ + " is not " + std::string{wanted});
}

}  // namespace omnilink::cli
