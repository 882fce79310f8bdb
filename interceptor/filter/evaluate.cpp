#include "interceptor/filter/evaluate.hpp"

namespace omnilink::interceptor::filter {
namespace {

evaluated spoke(effect did) noexcept {
  return {step::end_sublayer, did, true};
}

evaluated permit(const compiled_filter& f, arbiter& judge) noexcept {
  return spoke(judge.permit(*f.source, has_way(f.kind) ? &f.source->action : nullptr, f.right == action_right::clear));
}

// A filter's block is hard unless it says otherwise.
evaluated block(const compiled_filter& f, arbiter& judge, const block_answer& how) noexcept {
  return spoke(judge.block(*f.source, how, f.right != action_right::keep, false));
}

// "FwpsCalloutUnregisterById0": without their callout, terminating and unknown filters block, inspection is
// ignored; FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED makes a permit of the former.
evaluated without_callout(const compiled_filter& f, arbiter& judge) noexcept {
  if (f.kind == action_kind::callout_inspection) return {};
  return f.source->permit_if_unregistered ? permit(f, judge) : block(f, judge, {});
}

evaluated failed(const compiled_filter& f, arbiter& judge, bool is_late) noexcept {
  judge.fail(*f.source, is_late);
  return {step::end_all, effect::decided, true};
}

// The layers behind were not asked yet: they are when there is an answer. Where it cannot matter it is not asked for: who has blocked, as
// a full `limit` has, would have no opinion the second time.
evaluated pended(const compiled_filter& f, arbiter& judge, const metadata& about) noexcept {
  if (judge.blocks_for_good()) return {};
  if (!may_pend(f.source->layer) || about.explaining || about.reauthorizing) return failed(f, judge, false);
  judge.pend(*f.source);
  return {step::end_all, effect::decided, true};
}

// Of a permit that says which way, or where to.
bool allows(layer_id at, const action& way) noexcept { return has_way(way.kind) && why_not_allowed(at, way.kind).empty(); }

// "FWPS_ACTION0": what a callout may answer depends on the kind of its filter. "FWPS_CLASSIFY_OUT0": without
// the right to write it may only veto, so one that says nothing then has no opinion.
evaluated by_answer(const compiled_filter& f, arbiter& judge, const classify_out& out,
                    bool had_right, const metadata& about) noexcept {
  using answer = classify_out::answer;
  answer said = out.action;
  if (f.kind == action_kind::callout_inspection) said = answer::go_on;
  if (said == answer::pend) return pended(f, judge, about);
  if (said == answer::permit && out.way && !allows(f.source->layer, *out.way)) return failed(f, judge, false);
  const bool must_decide = f.kind == action_kind::callout_terminating && had_right;
  if (must_decide && said != answer::permit) said = answer::block;
  const bool is_hard = !out.right || f.right == action_right::clear;
  switch (said) {
    case answer::permit:
      return spoke(had_right ? judge.permit(*f.source, out.way, is_hard) : effect::refused);
    case answer::block:
      return spoke(judge.block(*f.source, out.how, is_hard, true));
    default:
      return {};
  }
}

evaluated ask_callout(const compiled_filter& f, arbiter& judge, const values& known, const metadata& about,
                      layer_data data) noexcept {
  registration* code = f.slot->current();
  if (!code) return without_callout(f, judge);
  const bool had_right = judge.has_right();
  classify_out out;
  out.right = had_right;
  switch (code->classify(known, about, data, *f.source, out)) {
    case registration::result::left:
      return without_callout(f, judge);
    case registration::result::threw:
      return failed(f, judge, false);
    case registration::result::over_budget:
      return failed(f, judge, true);
    case registration::result::done:
      break;
  }
  judge.ask_for_more(out.need_more, out.wait);
  return by_answer(f, judge, out, had_right, about);
}

}  // namespace

evaluated evaluate(const compiled_filter& f, arbiter& judge, const values& known, const metadata& about,
                   layer_data data, bool is_again) noexcept {
  if (!about.explaining && !about.reauthorizing && !is_again) f.counters->hit(about.now);
  switch (f.kind) {
    case action_kind::permit:
    case action_kind::chain:
    case action_kind::direct:
    case action_kind::redirect:
      return permit(f, judge);
    case action_kind::block:
      return block(f, judge, f.answer);
    default:
      if (!is_again || f.source == about.pended) return ask_callout(f, judge, known, about, data);
      metadata quiet = about;
      quiet.reauthorizing = true;
      return ask_callout(f, judge, known, quiet, data);
  }
}

}  // namespace omnilink::interceptor::filter
