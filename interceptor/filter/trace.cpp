#include "interceptor/filter/trace.hpp"

#include "core/nearest_word.hpp"
#include "interceptor/filter/evaluate.hpp"

namespace omnilink::interceptor::filter {
namespace {

// All filters of a sublayer in order, the unmatched ones too.
class scan {
 public:
  scan(const compiled_sublayer& in, const values& known) noexcept : in_{in}, known_{known} {}

  const compiled_filter* next() noexcept {
    while (at_ < in_.size()) {
      const compiled_filter& f = in_[at_++];
      if (!in_.failed_of(f, known_)) return &f;
    }
    return nullptr;
  }

 private:
  const compiled_sublayer& in_;
  const values& known_;
  rank at_ = 0;
};

std::string why_unmatched(const condition& failed, const values& known) {
  return to_string(failed) + ": it is " + known.to_string(failed.field);
}

class writer {
 public:
  writer(trace& out, const values& known) : out_{out}, known_{known} {}

  void evaluated(const compiled_filter& f, const interceptor::filter::evaluated& result) {
    spoken_.push_back({f.source, fate_of(result), nullptr, {}});
    if (result.then == step::end_all) {
      override_standing(*f.source);
    } else if (result.spoke) {
      note(spoken_.back(), result.did);
    }
  }

  void sublayer_done(const policy::part& p, step then) {
    trace::asked asked{p.about.name, p.about.weight, {}};
    const filter* ended_by = then == step::go_on ? nullptr : spoken_.back().which;
    std::size_t next_spoken = 0;
    for (rank r = 0; r < p.filters->size(); ++r) {
      const compiled_filter& f = (*p.filters)[r];
      if (next_spoken < spoken_.size() && spoken_[next_spoken].which == f.source) {
        asked.entries.push_back(spoken_[next_spoken++]);
      } else if (const condition* failed = p.filters->failed_of(f, known_)) {
        asked.entries.push_back({f.source, trace::fate::unmatched, nullptr, why_unmatched(*failed, known_)});
      } else if (next_spoken == spoken_.size() && ended_by) {
        asked.entries.push_back({f.source, trace::fate::not_reached, ended_by, {}});
      } else {
        asked.entries.push_back({f.source, trace::fate::unmatched, nullptr, "a tag that it asks for came only later"});
      }
    }
    spoken_.clear();
    out_.sublayers.push_back(std::move(asked));
  }

 private:
  static trace::fate fate_of(const interceptor::filter::evaluated& result) noexcept {
    if (result.then == step::end_all) return trace::fate::failed;
    if (!result.spoke) return trace::fate::went_on;
    switch (result.did) {
      case effect::confirmed:
        return trace::fate::agrees;
      case effect::refused:
        return trace::fate::refused;
      default:
        return trace::fate::decides;
    }
  }

  void note(trace::entry& e, effect did) {
    if (did == effect::refused) e.by = standing_;
    if (did == effect::overrode || did == effect::vetoed) override_standing(*e.which);
    if (did != effect::refused && did != effect::confirmed) standing_ = e.which;
  }

  // Who decided or agreed before has lost now.
  void override_standing(const filter& by) {
    for (trace::asked& asked : out_.sublayers) {
      for (trace::entry& e : asked.entries) {
        if (e.fate != trace::fate::decides && e.fate != trace::fate::agrees) continue;
        e.fate = trace::fate::overridden;
        e.by = &by;
      }
    }
  }

  trace& out_;
  const values& known_;
  std::vector<trace::entry> spoken_;  // of this sublayer
  const filter* standing_ = nullptr;  // whose the decision is
};

std::string name_of(const filter& f) {
  return core::quoted(f.name) + (f.provider.empty() ? "" : " of " + f.provider);
}

}  // namespace

std::string_view name_of(trace::fate f) noexcept {
  constexpr std::string_view names[] = {"decides", "agrees",    "overridden",  "refused",
                                        "went_on", "unmatched", "not_reached", "failed"};
  return names[static_cast<std::size_t>(f)];
}

std::string to_string(const trace::entry& e) {
  switch (e.fate) {
    case trace::fate::decides:
      return "decides: " + to_string(e.which->action);
    case trace::fate::agrees:
      return "agrees: " + to_string(e.which->action);
    case trace::fate::overridden:
      return "lost: overridden by " + name_of(*e.by);
    case trace::fate::refused:
      return "lost: " + name_of(*e.by) + " had decided for good";
    case trace::fate::went_on:
      return "looked and went on: " + to_string(e.which->action);
    case trace::fate::unmatched:
      return "no: " + e.failed;
    case trace::fate::not_reached:
      return "not reached: " + name_of(*e.by) + " had ended the search";
    case trace::fate::failed:
      break;
  }
  return "ends the connection: its callout failed";
}

trace policy::explain(layer_id l, const values& known, const metadata& about, layer_data data) const {
  metadata asking = about;
  asking.explaining = true;
  trace out;
  out.layer = l;
  out.decision = walk<scan>(l, at(l), known, asking, data, writer{out, known});
  return out;
}

}  // namespace omnilink::interceptor::filter
