#include "wire/connection_question.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "core/host_name.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::wire {
namespace {

using nlohmann::json;
using question = connection_question;

struct number_key {
  std::string_view name;
  std::optional<std::uint64_t> question::*field;
  std::uint64_t least, most;
};
constexpr std::uint64_t id_most = std::numeric_limits<std::uint32_t>::max();
constexpr std::array numbers{
    number_key{"source_port", &question::source_port, 1, 65535},
    number_key{"uid", &question::uid, 0, id_most},
    number_key{"gid", &question::gid, 0, id_most},
    number_key{"pid", &question::pid, 0, id_most},
    number_key{"netns", &question::netns, 0, std::numeric_limits<std::uint64_t>::max()},
    number_key{"minute", &question::minute, 0, 7 * 24 * 60 - 1},
};

struct text_key {
  std::string_view name;
  std::string question::*field;
};
constexpr std::array texts{
    text_key{"host", &question::host},           text_key{"exe", &question::exe},
    text_key{"process", &question::process},     text_key{"cgroup", &question::cgroup},
    text_key{"interface", &question::interface}, text_key{"listener", &question::listener},
};

template <class Keys>
auto find(const Keys& keys, std::string_view name) {
  return std::ranges::find(keys, name, &Keys::value_type::name);
}

std::string unknown_key(std::string_view name) {
  std::vector<std::string_view> known{"destination", "source", "incoming", "all"};
  for (const number_key& key : numbers) known.push_back(key.name);
  for (const text_key& key : texts) known.push_back(key.name);
  return "unknown key " + core::quoted(name) + core::did_you_mean(name, known);
}

std::string read_number(const json& value, const number_key& key, question& out) {
  const std::uint64_t number = value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
  if (!value.is_number_unsigned() || number < key.least || number > key.most) {
    return core::quoted(key.name) + " is not a whole number from " + std::to_string(key.least) + " to " +
           std::to_string(key.most);
  }
  out.*key.field = number;
  return {};
}

// Empty: done; otherwise what is wrong.
std::string read_key(std::string_view name, const json& value, question& out) {
  if (const auto key = find(numbers, name); key != numbers.end()) return read_number(value, *key, out);
  if (name == "all" || name == "incoming") {
    if (!value.is_boolean()) return core::quoted(name) + " is not true or false";
    (name == "all" ? out.all : out.incoming) = value.get<bool>();
    return {};
  }
  const auto key = find(texts, name);
  if (key == texts.end() && name != "destination" && name != "source") return unknown_key(name);
  if (!value.is_string()) return core::quoted(name) + " is not text";
  const std::string& text = value.get_ref<const std::string&>();
  if (name == "destination") {
    const auto where = core::target::parse(text);
    if (!where) return core::quoted(text) + " is not a host and a port, as example.org:443 or [2001:db8::1]:80";
    out.destination = *where;
  } else if (name == "source") {
    out.source = core::address::parse(text);
    if (!out.source) return core::quoted(text) + " is not an address";
  } else if (name == "host" && !core::valid_host_name(text)) {
    return core::quoted(text) + " is not a host name";
  } else {
    out.*key->field = text;
  }
  return {};
}

}  // namespace

boost::system::result<connection_question, std::string> parse_connection_question(const json& object) {
  question out;
  for (const auto& [name, value] : object.items()) {
    if (name == "verb") continue;
    if (std::string wrong = read_key(name, value, out); !wrong.empty())
      return {boost::system::in_place_error, std::move(wrong)};
  }
  if (out.destination.port == 0) return {boost::system::in_place_error, "\"destination\" is missing"};
  return out;
}

void build(const connection_question& question, json& into) {
  into["destination"] = question.destination.to_string();
  if (question.source) into["source"] = question.source->to_string();
  for (const number_key& key : numbers) {
    if (const auto& number = question.*key.field) into[std::string{key.name}] = *number;
  }
  for (const text_key& key : texts) {
    if (const std::string& text = question.*key.field; !text.empty()) into[std::string{key.name}] = text;
  }
  if (question.incoming) into["incoming"] = true;
  if (question.all) into["all"] = true;
}

}  // namespace omnilink::wire
