#include "interceptor/filter/evaluate.hpp"

namespace omnilink::interceptor::filter {
namespace {

evaluated spoke(effect did) noexcept {
  return {step::end_sublayer, did, true};
}

evaluated permit(const compiled_filter& f, arbiter& judge) noexcept {
  return spoke(judge.permit(*f.source, has_way(f.kind), f.right == action_right::clear));
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

// "FWPS_ACTION0": what a callout may answer depends on the kind of its filter. "FWPS_CLASSIFY_OUT0": without
// the right to write it may only veto, so one that says nothing then has no opinion.
evaluated by_answer(const compiled_filter& f, arbiter& judge, const classify_out& out,
                    bool had_right) noexcept {
  using answer = classify_out::answer;
  answer said = out.action;
  if (f.kind == action_kind::callout_inspection) said = answer::go_on;
  const bool must_decide = f.kind == action_kind::callout_terminating && had_right;
  if (must_decide && said != answer::permit) said = answer::block;
  const bool is_hard = !out.right || f.right == action_right::clear;
  switch (said) {
    case answer::permit:
      return spoke(had_right ? judge.permit(*f.source, false, is_hard) : effect::refused);
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
      judge.fail(*f.source, false);
      return {step::end_all, effect::decided, true};
    case registration::result::over_budget:
      judge.fail(*f.source, true);
      return {step::end_all, effect::decided, true};
    case registration::result::done:
      break;
  }
  judge.ask_for_more(out.need_more, out.wait);
  return by_answer(f, judge, out, had_right);
}

}  // namespace

evaluated evaluate(const compiled_filter& f, arbiter& judge, const values& known, const metadata& about,
                   layer_data data) noexcept {
  if (!about.explaining && !about.reauthorizing) f.counters->hit(about.now);
  switch (f.kind) {
    case action_kind::permit:
    case action_kind::chain:
    case action_kind::direct:
    case action_kind::redirect:
      return permit(f, judge);
    case action_kind::block:
      return block(f, judge, f.answer);
    default:
      return ask_callout(f, judge, known, about, data);
  }
}

}  // namespace omnilink::interceptor::filter
