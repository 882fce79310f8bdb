#include "cli/explain_text.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/table.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/filter/week_time.hpp"

namespace omnilink::cli {
namespace {

using nlohmann::json;
using words = std::pair<std::string_view, std::string_view>;

std::string text_of(const json& value, const char* key) {
  return value.at(key).get<std::string>();
}

/// `"block list" of it-security`
std::string named(const json& filter) {
  const std::string owner = text_of(filter, "provider");
  return core::quoted(text_of(filter, "name")) + (owner.empty() ? "" : " of " + owner);
}

std::string find(const auto& list, std::string_view key) {
  for (const auto& [name, meaning] : list) {
    if (name == key) return std::string{meaning};
  }
  return {};
}

// "9 997"
std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t i = out.size(); i > 3; i -= 3) out.insert(i - 3, " ");
  return out;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : std::string{between}) + part;
  return out;
}

constexpr std::array fates{
    words{"decides", "DECIDES"},     words{"agrees", "agrees"},    words{"overridden", "lost"},
    words{"refused", "lost"},        words{"went_on", "looked"},   words{"unmatched", "no match"},
    words{"not_reached", "not asked"}, words{"failed", "FAILED"},
};

constexpr std::array layers{
    words{"accept_v4", "may it come in?"},
    words{"accept_v6", "may it come in?"},
    words{"connect_redirect_v4", "another destination?"},
    words{"connect_redirect_v6", "another destination?"},
    words{"connect_auth_v4", "may it connect, and which way?"},
    words{"connect_auth_v6", "may it connect, and which way?"},
    words{"stream", "what does the client say first?"},
    words{"flow_established", "it is connected; who looks?"},
    words{"flow_closed", "it has ended; who looks?"},
};

// How to tell explain what a filter asks for.
constexpr std::array flags{
    words{"local_address", "--from"}, words{"local_port", "--from ADDR:PORT"},
    words{"remote_address", "an address as DEST"},
    words{"pid", "--pid"},            words{"uid", "--uid"},
    words{"gid", "--gid"},            words{"netns", "--netns"},
    words{"time", "--at"},            words{"host", "--host"},
    words{"exe", "--exe"},            words{"process", "--process"},
    words{"cgroup", "--cgroup"},      words{"interface", "--iface"},
    words{"listener", "--listener"},
};

bool is_same(const json& a, const json& b) {
  return a.is_object() && b.is_object() && a.at("id") == b.at("id");
}

// `is_lightest`: no sublayer behind it was asked.
std::string why(const json& entry, const json& layer, bool is_lightest) {
  const std::string fate = text_of(entry, "fate");
  const bool is_way = is_same(entry, layer.at("way"));
  const std::string callout = entry.value("callout", std::string{});
  if (fate == "decides") {
    if (!callout.empty()) return callout + ": there is no room now";
    if (layer.at("hard").get<bool>() && !is_lightest) return "for good: no lighter sublayer may change it";
    return layer.at("way").is_object() && !is_way ? "the way is that of " + named(layer.at("way")) : "";
  }
  if (fate == "agrees") return named(layer.at("by")) + (is_way ? " decides, this gives the way" : " says so already");
  if (fate == "overridden") {
    const bool is_veto = is_same(entry, layer.at("veto_of"));
    return (is_veto ? "vetoed by the callout of " : "overridden by ") + named(entry.at("by"));
  }
  if (fate == "refused") return named(entry.at("by")) + " had decided for good";
  if (fate == "went_on") return callout.empty() ? "its callout has no opinion" : callout;
  if (fate == "unmatched") return text_of(entry, "failed");
  if (fate == "not_reached") return named(entry.at("by")) + " ended the search";
  return "its callout failed or took too long: the connection ends";
}

void add_folded(table& out, const json& sublayer, const char* key, std::string_view fate) {
  const auto more = sublayer.at(key).get<std::uint64_t>();
  if (more > 0) out.add({"", find(fates, fate), "… and " + grouped(more) + " more (--all shows them)"});
}

std::string indented(const std::string& lines) {
  std::string out;
  for (std::size_t from = 0; from < lines.size();) {
    const std::size_t end = lines.find('\n', from);
    std::string line = lines.substr(from, end - from);
    line.erase(line.find_last_not_of(' ') + 1);
    out += "  " + line + "\n";
    from = end + 1;
  }
  return out;
}

std::string layer_text(const json& layer) {
  const std::string title = "\n" + text_of(layer, "layer") + ": " + find(layers, text_of(layer, "layer"));
  table out{"SUBLAYER", "RESULT", "FILTER", "ACTION", "WHY"};
  bool is_empty = true;
  for (const json& sublayer : layer.at("sublayers")) {
    std::string heading = text_of(sublayer, "sublayer") + " (" + sublayer.at("weight").dump() + ")";
    for (const json& entry : sublayer.at("filters")) {
      out.add({std::exchange(heading, {}), find(fates, text_of(entry, "fate")), named(entry), text_of(entry, "action"),
               why(entry, layer, &sublayer == &layer.at("sublayers").back())});
      is_empty = false;
    }
    add_folded(out, sublayer, "more_unmatched", "unmatched");
    add_folded(out, sublayer, "more_not_reached", "not_reached");
  }
  if (is_empty) return title + " No filters.\n";
  return title + "\n" + indented(out.to_string());
}

std::string headline(const json& e) {
  const std::string where = text_of(e, "destination");
  if (text_of(e, "outcome") == "blocked") {
    const std::string answer = text_of(e, "answer");
    return where + " would be blocked" + (answer == "block" ? ", without an answer" : ": " + answer);
  }
  if (e.at("hops").empty()) return where + " would connect directly";
  return where + " would connect through chain " + text_of(e, "chain");
}

std::string asked_text(const json& known) {
  std::vector<std::string> parts;
  for (const auto& [field, value] : known.items()) {
    if (field == "protocol") continue;  // always TCP
    const std::string plain = value.is_string() ? value.get<std::string>() : value.dump();
    parts.push_back(field + " " + (field == "time" ? interceptor::filter::to_week_time(value.get<std::uint64_t>()) : plain));
  }
  return joined(parts, ", ");
}

// Of an incoming connection the client is the remote end.
std::string flag_of(const std::string& field, bool is_arrival) {
  constexpr std::string_view remote = "remote_", local = "local_";
  if (is_arrival && field.starts_with(remote)) return find(flags, std::string{local} + field.substr(remote.size()));
  if (is_arrival && field.starts_with(local)) return find(flags, std::string{remote} + field.substr(local.size()));
  return find(flags, field);
}

std::string missing_text(const json& layers) {
  std::set<std::string> all;  // once each
  for (const json& layer : layers) {
    for (const json& field : layer.at("missing")) {
      const auto name = field.get<std::string>();
      all.insert(name + " (" + flag_of(name, text_of(layer, "layer").starts_with("accept")) + ")");
    }
  }
  return joined({all.begin(), all.end()}, ", ");
}

std::string way_text(const json& e) {
  std::vector<std::string> parts;
  for (const json& hop : e.at("hops")) parts.push_back(text_of(hop, "name") + " (" + text_of(hop, "url") + ")");
  parts.push_back(text_of(e, "target"));
  return joined(parts, " -> ");
}

}  // namespace

std::string explain_text(const json& e) {
  table facts{"because", text_of(e, "reason")};
  if (text_of(e, "target") != text_of(e, "destination")) facts.add({"becomes", text_of(e, "target") + ", changed by " + text_of(e, "changed_by")});
  if (text_of(e, "outcome") == "connect") facts.add({"way", way_text(e)});
  facts.add({"asked for", asked_text(e.at("known"))});
  if (const std::string missing = missing_text(e.at("layers")); !missing.empty())
    facts.add({"not given", missing + ": a filter that asks for it does not match"});
  std::string out = headline(e) + "\n" + indented(facts.to_string());
  for (const json& layer : e.at("layers")) out += layer_text(layer);
  return out;
}

}  // namespace omnilink::cli
