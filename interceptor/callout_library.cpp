#include "interceptor/callout_library.hpp"

#include <algorithm>

#include "interceptor/filter/flow.hpp"

namespace omnilink::interceptor {

using filter::classify_out;

void callout_library::classify(const filter::values&, const filter::metadata& about, filter::layer_data, const filter::filter& by,
                               std::uint64_t, classify_out& out) {
  out.action = classify_out::answer::go_on;
  if (!about.flow) return;
  if (about.explaining) {
    // Nobody is asked, and it says nothing. But a name that was heard would be gone by, where the rules let it: not without having asked.
    if (!about.flow->sniffed_name.empty()) out.action = classify_out::answer::pend;
    return;
  }
  const auto& all = about.flow->answers;
  const auto said = std::ranges::find_if(all, [&](const auto& one) { return one.at == by.layer && one.callout == name_ && one.filter == by.name; });
  if (said == all.end()) {
    // A connection that was let go is judged by what was said of it then, and not asked about again.
    if (!about.reauthorizing) out.action = classify_out::answer::pend;
    return;
  }
  if (!said->what) return;
  if (said->what->kind == filter::action_kind::block) {
    out.action = classify_out::answer::block;
    out.how = said->what->answer;
    out.right = false;
    return;
  }
  out.action = classify_out::answer::permit;
  if (has_way(said->what->kind)) out.way = &*said->what;
}

}  // namespace omnilink::interceptor
