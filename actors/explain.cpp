#include "actors/explain.hpp"

#include <nlohmann/json.hpp>

#include "actors/rules.hpp"
#include "actors/ruling.hpp"
#include "actors/trace_reply.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/filter/flow.hpp"

namespace omnilink::actors {
namespace {

namespace filter = interceptor::filter;
using filter::field_id;
using nlohmann::json;
using wire::connection_question;

// The two ends of the connection; at the accept layer the client is the remote one.
void set_ends(filter::values& out, const connection_question& about, const core::target& where, bool is_arrival) {
  const auto [client, client_port] = is_arrival ? std::pair{field_id::remote_address, field_id::remote_port} : std::pair{field_id::local_address, field_id::local_port};
  const auto [target, target_port] = is_arrival ? std::pair{field_id::local_address, field_id::local_port} : std::pair{field_id::remote_address, field_id::remote_port};
  out.set(target_port, where.port);
  if (!where.is_name()) out.set(target, where.address);
  if (about.source) out.set(client, *about.source);
  if (about.source_port) out.set(client_port, *about.source_port);
  if (is_arrival) return;
  const std::string& host = where.is_name() ? where.name : about.host;
  if (!host.empty()) out.set(field_id::host, std::string_view{host});
}

// Borrows the texts of `about`.
filter::values values_of(const connection_question& about, const core::target& where, bool is_arrival = false) {
  filter::values out;
  out.set(field_id::protocol, ip_protocol_tcp);
  set_ends(out, about, where, is_arrival);
  const struct {
    field_id field;
    const std::optional<std::uint64_t>& value;
  } numbers[] = {{field_id::pid, about.pid}, {field_id::uid, about.uid}, {field_id::gid, about.gid}, {field_id::netns, about.netns}, {field_id::time, about.minute}};
  for (const auto& [field, value] : numbers) {
    if (value) out.set(field, *value);
  }
  const struct {
    field_id field;
    const std::string& value;
  } texts[] = {{field_id::exe, about.exe},
               {field_id::process, about.process},
               {field_id::cgroup, about.cgroup},
               {field_id::interface, about.interface},
               {field_id::listener, about.listener}};
  for (const auto& [field, value] : texts) {
    if (!value.empty()) out.set(field, std::string_view{value});
  }
  return out;
}

json describe(const filter::values& known) {
  json out = json::object();
  for (std::size_t i = 0; i < filter::fields; ++i) {
    const auto field = static_cast<field_id>(i);
    if (!known.has(field)) continue;
    json& value = out[std::string{name_of(field)}];
    if (filter::type_of(field) == filter::field_type::number) {
      value = known.number(field);
    } else {
      value = known.to_string(field);
    }
  }
  return out;
}

std::string named(const filter::filter& f) {
  return core::quoted(f.name) + (f.provider.empty() ? "" : " of " + f.provider);
}

class explanation {
 public:
  explanation(std::span<const interceptor::callout_settings> callouts, const chain::router& chains, const connection_question& about, core::instant now)
      : callouts_{callouts}, chains_{chains}, about_{about}, now_{now}, where_{about.destination} {
    json known = describe(values_of(about, where_));
    out_ = {{"destination", about.destination.to_string()},
            {"known", std::move(known)},
            {"layers", json::array()},
            {"changed_by", nullptr}};
  }

  json by(const filter::policy& rules) {
    if (about_.incoming) {
      const filter::values known = values_of(about_, where_, true);
      const filter::decision arrival = ask(rules, filter::accept_layer(about_.source.value_or(core::address{})), known);
      if (is_end(arrival)) return blocked(arrival);
    }
    const filter::decision redirect = ask(rules, filter::connect_redirect_layer(where_.address), values_of(about_, where_));
    if (is_end(redirect)) return blocked(redirect);
    if (redirect.way) {
      where_ = redirect.says->to.applied_to(where_);
      out_["changed_by"] = named(*redirect.way);
    }
    const filter::decision auth = ask(rules, filter::connect_auth_layer(where_.address), values_of(about_, where_));
    if (auth.what == filter::decision::outcome::none)
      return blocked("reject", "no rule matches, and that is a reject");
    if (is_end(auth)) return blocked(auth);
    if (has(rules, filter::layer_id::stream)) {
      if (const filter::decision stream = ask(rules, filter::layer_id::stream, values_of(about_, where_)); is_end(stream)) return blocked(stream);
    }
    for (const filter::layer_id looks : {filter::layer_id::flow_established, filter::layer_id::flow_closed}) {
      if (has(rules, looks)) ask(rules, looks, values_of(about_, where_));
    }
    const std::string reason = named(*auth.by) + ": " + to_string(auth.by->action);
    if (!auth.way) return through(chains_.only(), reason, "but nothing says by which of the chains");
    const bool is_one = auth.way == auth.by;
    return through(way_of(*auth.says), is_one ? reason : reason + ", and " + named(*auth.way) + ": " + to_string(auth.way->action),
                   "but that chain does not exist");
  }

  json without_rules() {
    const chain::chain* only = chains_.only();
    const bool has_chain = only && !only->is_direct();
    return through(only, has_chain ? "no rules: the only chain" : "no rules and no chain: directly", "but there are several chains");
  }

 private:
  static bool has(const filter::policy& rules, filter::layer_id at) noexcept { return !rules.at(at).empty(); }

  filter::decision ask(const filter::policy& rules, filter::layer_id at, filter::values known) {
    known.set_tags(flow_.tags);
    filter::metadata meta;
    meta.now = now_;
    meta.flow = &flow_;
    const filter::trace t = rules.explain(at, known, meta);
    json layer = actors::describe(t, known, about_.all);
    describe_callouts(layer);
    out_["layers"].push_back(std::move(layer));
    return t.decision;
  }

  // What they do is in no filter.
  void describe_callouts(json& layer) const {
    for (json& sublayer : layer.at("sublayers")) {
      for (json& entry : sublayer.at("filters")) {
        for (const auto& one : callouts_) {
          if (entry.at("action") == "callout:" + one.name) entry["callout"] = one.to_string();
        }
      }
    }
  }

  static bool is_end(const filter::decision& d) noexcept {
    return d.what == filter::decision::outcome::block || d.what == filter::decision::outcome::failed;
  }

  json blocked(const filter::decision& d) {
    if (d.what == filter::decision::outcome::failed)
      return blocked("reject", named(*d.by) + ": its callout failed or took too long");
    const std::string answer = to_string(filter::action::block(d.how));
    return blocked(answer, named(*d.by) + ": " + answer);
  }

  json blocked(const std::string& answer, const std::string& reason) {
    out_["outcome"] = "blocked";
    out_["answer"] = answer;
    return finished(reason);
  }

  // nullptr: there is none.
  const chain::chain* way_of(const filter::action& what) const {
    if (what.kind == filter::action_kind::chain) return chains_.named(what.name);
    return &chains_.direct();
  }

  // `lack`: why there is no way.
  json through(const chain::chain* way, const std::string& reason, std::string_view lack) {
    if (!way) return blocked("reject", reason + ", " + std::string{lack});
    if (way->is_reject()) return blocked("reject", reason + ", whose one hop is reject");
    out_["outcome"] = "connect";
    out_["chain"] = way->name;
    out_["hops"] = json::array();
    if (!way->is_direct()) {
      for (const chain::hop& h : way->hops) out_["hops"].push_back({{"name", h.name}, {"url", h.to_string()}});
    }
    return finished(reason);
  }

  json finished(const std::string& reason) {
    out_["reason"] = reason;
    out_["target"] = where_.to_string();
    return std::move(out_);
  }

  const std::span<const interceptor::callout_settings> callouts_;
  const chain::router& chains_;
  const connection_question& about_;
  const core::instant now_;
  core::target where_;
  filter::flow flow_;  // of nobody: for the tags
  json out_;
};

}  // namespace

json explain(const filter::policy* rules, std::span<const interceptor::callout_settings> callouts, const chain::router& chains,
             const connection_question& about, core::instant now) {
  explanation e{callouts, chains, about, now};
  return rules ? e.by(*rules) : e.without_rules();
}

}  // namespace omnilink::actors
