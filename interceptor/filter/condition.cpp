#include "interceptor/filter/condition.hpp"

#include <algorithm>

#include "core/host_name.hpp"
#include "core/nearest_word.hpp"
#include "interceptor/filter/week_time.hpp"

namespace omnilink::interceptor::filter {
namespace {

constexpr std::size_t shown_patterns = 4;  // of a list, in a line for people

bool is_below(std::string_view host, std::string_view parent) noexcept {
  return host.size() > parent.size() && host.ends_with(parent) &&
         host[host.size() - parent.size() - 1] == '.';
}

bool fits_text(const text_pattern& p, std::string_view text) noexcept {
  switch (p.how) {
    case text_pattern::kind::exact:
      return text == p.text;
    case text_pattern::kind::prefix:
      return text.starts_with(p.text);
    case text_pattern::kind::suffix:
      return text == p.text || is_below(text, p.text);
    case text_pattern::kind::below:
      return is_below(text, p.text);
    case text_pattern::kind::glob:
      return glob_matches(p.text, text);
  }
  return false;
}

std::string show(const pattern& p, field_id of = field_id::remote_port) {
  if (const auto* network = std::get_if<core::cidr>(&p)) return network->to_string();
  if (const auto* range = std::get_if<address_range>(&p))
    return range->first.to_string() + "-" + range->last.to_string();
  if (const auto* range = std::get_if<number_range>(&p)) {
    if (of == field_id::time) return to_week_times(*range);
    const std::string first = std::to_string(range->first);
    return range->first == range->last ? first : first + "-" + std::to_string(range->last);
  }
  const auto& text = std::get<text_pattern>(p);
  switch (text.how) {
    case text_pattern::kind::prefix:
      return text.text + "…";
    case text_pattern::kind::suffix:
      return "." + text.text;
    case text_pattern::kind::below:
      return "*." + text.text;
    default:
      return text.text;
  }
}

std::string_view word_of(field_type t) noexcept {
  switch (t) {
    case field_type::address:
      return "addresses and networks";
    case field_type::number:
      return "numbers";
    case field_type::text:
      break;
  }
  return "text";
}

field_type type_of(const pattern& p) noexcept {
  if (std::holds_alternative<number_range>(p)) return field_type::number;
  return std::holds_alternative<text_pattern>(p) ? field_type::text : field_type::address;
}

std::string wrong_family(layer_id at, const pattern& p) {
  return show(p) + " can never be met at layer " + std::string{name_of(at)} +
         ", whose addresses are of the other family";
}

std::string validate_address(const pattern& p, layer_id at) {
  if (const auto* network = std::get_if<core::cidr>(&p)) {
    return has_family(at, network->network) ? "" : wrong_family(at, p);
  }
  const auto& range = std::get<address_range>(p);
  if (range.first.is_v4() != range.last.is_v4()) return show(p) + " mixes IPv4 and IPv6";
  if (range.last < range.first) return show(p) + " is an empty range: its end is before its beginning";
  return has_family(at, range.first) ? "" : wrong_family(at, p);
}

std::string validate_number(const number_range& range, field_id f) {
  if (range.last < range.first) return show(range) + " is an empty range: its end is before its beginning";
  if (range.last > max_of(f)) return show(range) + " is too large: at most " + std::to_string(max_of(f));
  return {};
}

bool is_host_kind(text_pattern::kind how) noexcept {
  return how == text_pattern::kind::suffix || how == text_pattern::kind::below;
}

std::string validate_text(const text_pattern& p, field_id f) {
  if (p.text.empty()) return "an empty text fits nothing";
  if (p.text.size() > pattern_text_max)
    return "a text of more than " + std::to_string(pattern_text_max) + " bytes";
  if (p.text.find('\0') != std::string::npos) return "a text with a zero byte fits nothing";
  if (f != field_id::host) return is_host_kind(p.how) ? "only host names have names below them" : "";
  if (p.how == text_pattern::kind::glob || p.how == text_pattern::kind::prefix) return {};
  if (!core::valid_host_name(p.text) || p.text.ends_with('.'))
    return core::quoted(p.text) + " is not a host name";
  if (std::any_of(p.text.begin(), p.text.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return core::quoted(p.text) + " must be in lower case";
  }
  return {};
}

std::string validate_pattern(const pattern& p, field_id f, layer_id at) {
  if (type_of(p) != type_of(f)) {
    return std::string{show(p)} + " is of the wrong type: the field takes " +
           std::string{word_of(type_of(f))};
  }
  switch (type_of(f)) {
    case field_type::address:
      return validate_address(p, at);
    case field_type::number:
      return validate_number(std::get<number_range>(p), f);
    case field_type::text:
      break;
  }
  return validate_text(std::get<text_pattern>(p), f);
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) noexcept {
  // After a '*', only the latest one ever needs to give back a character.
  std::size_t g = 0, t = 0, star = glob.npos, retry = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      retry = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g, ++t;
    } else if (star != glob.npos) {
      g = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool fits(const pattern& p, field_id f, const values& known) noexcept {
  if (const auto* network = std::get_if<core::cidr>(&p)) return network->contains(known.address(f));
  if (const auto* range = std::get_if<address_range>(&p)) {
    const core::address& a = known.address(f);
    return a.is_v4() == range->first.is_v4() && range->first <= a && a <= range->last;
  }
  if (const auto* range = std::get_if<number_range>(&p)) {
    return range->first <= known.number(f) && known.number(f) <= range->last;
  }
  const auto& text = std::get<text_pattern>(p);
  if (f != field_id::tag) return fits_text(text, known.text(f));
  return std::ranges::any_of(known.tags(), [&](const std::string& one) { return fits_text(text, one); });
}

bool condition::holds(const values& known) const noexcept {
  if (!known.has(field)) return false;
  return negated !=
         std::any_of(any_of.begin(), any_of.end(), [&](const pattern& p) { return fits(p, field, known); });
}

std::string validate(const condition& c, layer_id at) {
  const std::string where = "condition on " + std::string{name_of(c.field)} + ": ";
  if (!has_field(at, c.field))
    return where + "layer " + std::string{name_of(at)} + " does not know this field";
  if (c.any_of.empty()) return where + "an empty list fits nothing";
  if (c.any_of.size() > patterns_max)
    return where + "more than " + std::to_string(patterns_max) + " patterns";
  for (const pattern& p : c.any_of) {
    if (std::string wrong = validate_pattern(p, c.field, at); !wrong.empty()) return where + wrong;
  }
  return {};
}

std::string to_string(const condition& c) {
  std::string out = std::string{name_of(c.field)} + (c.negated ? " is not " : " is ");
  for (std::size_t i = 0; i < c.any_of.size(); ++i) {
    if (i == shown_patterns && c.any_of.size() > shown_patterns + 1) {
      return out + " or one of " + std::to_string(c.any_of.size() - i) + " more";
    }
    out += (i ? " or " : "") + show(c.any_of[i], c.field);
  }
  return out;
}

}  // namespace omnilink::interceptor::filter
