#include "interceptor/filter/filter.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "core/host_name.hpp"
#include "core/nearest_word.hpp"

namespace omnilink::interceptor::filter {
namespace {

constexpr unsigned exact_text_bits = 64;
constexpr unsigned bits_per_character = 2;  // of the fixed part of a pattern; an exact text is always more

// How many bits of the field a pattern fixes.
unsigned specificity(const pattern& p, field_id f) noexcept {
  if (const auto* network = std::get_if<core::cidr>(&p))
    return network->network.is_v4() ? network->prefix * 2u : network->prefix;
  if (const auto* range = std::get_if<number_range>(&p)) {
    return bits_of(f) -
           std::min(bits_of(f), static_cast<unsigned>(std::bit_width(range->last - range->first)));
  }
  const auto* text = std::get_if<text_pattern>(&p);
  if (!text) return 1;  // a range of addresses
  if (text->how == text_pattern::kind::exact) return exact_text_bits;
  const auto fixed =
      std::count_if(text->text.begin(), text->text.end(), [](char c) { return c != '*' && c != '?'; });
  return std::min(exact_text_bits - 1, static_cast<unsigned>(fixed) * bits_per_character);
}

unsigned specificity(const condition& c) noexcept {
  if (c.negated || c.any_of.empty()) return 1;
  unsigned least = 128;
  for (const pattern& p : c.any_of) least = std::min(least, specificity(p, c.field));
  return least + 1;
}

std::string wrong_name(std::string_view what, const std::string& name) {
  if (name.size() > name_max)
    return "the name of the " + std::string{what} + " is longer than " + std::to_string(name_max) + " bytes";
  const bool printable =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  return printable ? "" : "the name of the " + std::string{what} + " has a control character";
}

std::string wrong_redirect(const new_destination& to) {
  if (to.empty())
    return "redirect must change the host, the port or both: redirect:HOST:PORT, redirect::8080";
  if (!to.name.empty() && to.address) return "redirect goes to a name or to an address, not to both";
  if (!to.name.empty() && !core::valid_host_name(to.name))
    return "redirect: " + core::quoted(to.name) + " is not a host name";
  return {};
}

std::string wrong_answer(const block_answer& answer) {
  if (answer.with == block_answer::how::icmp && answer.code > 15) return "reject: an ICMP code is 0 to 15";
  if (answer.with == block_answer::how::error && (answer.code == 0 || answer.code > 4095))
    return "reject: an errno is 1 to 4095";
  return {};
}

std::string wrong_action(const filter& f) {
  if (std::string wrong = why_not_allowed(f.layer, f.action.kind); !wrong.empty()) return wrong;
  if (f.action.kind == action_kind::redirect) return wrong_redirect(f.action.to);
  if (f.action.kind == action_kind::block) return wrong_answer(f.action.answer);
  if ((f.action.kind == action_kind::chain || is_callout(f.action.kind)) && f.action.name.empty()) {
    return std::string{name_of(f.action.kind)} + " needs a name";
  }
  if (is_callout(f.action.kind) && f.right == action_right::keep) {
    return "a callout says itself whether its decision may be overridden; \"keep\" is for permit and block";
  }
  if (f.permit_if_unregistered && f.action.kind != action_kind::callout_terminating &&
      f.action.kind != action_kind::callout_unknown) {
    return "permit_if_unregistered is for callout_terminating and callout_unknown only";
  }
  return {};
}

// Two on one field are or-ed, so that a negated one next to another holds for nearly everything.
std::string wrong_negation(const std::vector<condition>& conditions) {
  std::array<unsigned, fields> count{}, negated{};
  for (const condition& c : conditions) {
    const auto i = static_cast<std::size_t>(c.field);
    ++count[i];
    negated[i] += c.negated;
    if (negated[i] && count[i] > 1) {
      return "conditions on one field are or-ed, so \"not\" beside another condition on " +
             std::string{name_of(c.field)} +
             " would let nearly everything in; put what is excluded into one list";
    }
  }
  return {};
}

std::string wrong_part(const filter& f) {
  if (f.name.empty()) return "it needs a name";
  for (auto [what, name] :
       {std::pair{"filter", &f.name}, {"provider", &f.provider}, {"chain or callout", &f.action.name}}) {
    if (std::string wrong = wrong_name(what, *name); !wrong.empty()) return wrong;
  }
  if (f.weight.is_automatic() && f.weight.value() > 15) return "a weight's range is 0 to 15";
  if (f.conditions.size() > conditions_max)
    return "more than " + std::to_string(conditions_max) + " conditions";
  if (std::string wrong = wrong_action(f); !wrong.empty()) return wrong;
  for (const condition& c : f.conditions) {
    if (std::string wrong = interceptor::filter::validate(c, f.layer); !wrong.empty()) return wrong;
  }
  return wrong_negation(f.conditions);
}

}  // namespace

std::uint64_t filter::effective_weight() const noexcept {
  if (!weight.is_automatic()) return weight.value();
  std::uint64_t bits = 0;
  for (const condition& c : conditions) bits += specificity(c);
  return weight.value() << 60 | bits;
}

std::string filter::validate() const {
  std::string wrong = wrong_part(*this);
  return wrong.empty() ? wrong : "filter " + core::quoted(name) + ": " + wrong;
}

}  // namespace omnilink::interceptor::filter
