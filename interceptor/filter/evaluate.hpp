// The walk through a layer's sublayers, once for both who ask: classify() takes the matching filters from an
// index and watches nothing; explain() takes them from a scan over all filters and writes everything down.
#pragma once

#include "interceptor/filter/policy.hpp"

namespace omnilink::interceptor::filter {

enum class step : std::uint8_t { go_on, end_sublayer, end_all };

struct evaluated {
  step then = step::go_on;
  /// What it did to the decision; meaningless when `spoke` is false (it went on, or was ignored).
  effect did = effect::decided;
  bool spoke = false;
};

/// A matching filter has its say; not for the first time, where `is_again`.
evaluated evaluate(const compiled_filter& f, arbiter& judge, const values& known, const metadata& about,
                   layer_data data, bool is_again) noexcept;

/// `Matches` is made from (sublayer, values) and gives the matching filters in order; `watch` is told of
/// each.
template <class Matches, class Watch>
decision walk(layer_id at, const std::vector<policy::part>& parts, const values& known, const metadata& about,
              layer_data data, Watch&& watch) {
  arbiter judge;
  bool is_again = about.pended != nullptr;
  for (const policy::part& p : parts) {
    Matches matches{*p.filters, known};
    step then = step::go_on;
    while (then == step::go_on) {
      const compiled_filter* f = matches.next();
      if (!f) break;
      const evaluated result = evaluate(*f, judge, known, about, data, is_again);
      if (f->source == about.pended) is_again = false;
      watch.evaluated(*f, result);
      then = result.then;
    }
    watch.sublayer_done(p, then);
    if (then == step::end_all) return judge.result();
  }
  if (!is_again || about.pended->layer != at) return judge.result();
  // It matches no more: those behind it were quiet without having had their say.
  metadata anew = about;
  anew.pended = nullptr;
  return walk<Matches>(at, parts, known, anew, data, watch);
}

}  // namespace omnilink::interceptor::filter
