#include "interceptor/filter/values.hpp"

#include <algorithm>

#include "interceptor/filter/week_time.hpp"

namespace omnilink::interceptor::filter {

values& values::set(field_id f, std::string_view text) noexcept {
  assert(type_of(f) == field_type::text);
  if (f != field_id::host) {
    texts_[index(f) - first_text] = text;
    return known(f);
  }
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > host_.size()) {
    known_ &= ~(1u << index(f));
    return *this;
  }
  std::transform(text.begin(), text.end(), host_.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  host_size_ = static_cast<std::uint8_t>(text.size());
  return known(f);
}

std::string values::to_string(field_id f) const {
  if (!has(f)) return "unknown";
  switch (type_of(f)) {
    case field_type::address:
      return address(f).to_string();
    case field_type::number:
      return f == field_id::time ? to_week_time(number(f)) : std::to_string(number(f));
    case field_type::text:
      break;
  }
  if (f != field_id::tag) return std::string{text(f)};
  std::string out;
  for (const std::string& one : tags()) out += (out.empty() ? "" : ",") + one;
  return out.empty() ? "none" : out;
}

}  // namespace omnilink::interceptor::filter
