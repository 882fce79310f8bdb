#include "interceptor/callout_sniff.hpp"

#include "interceptor/filter/flow.hpp"
#include "wire/first_name.hpp"

namespace omnilink::interceptor {

void callout_sniff::classify(const filter::values& known, const filter::metadata& about, filter::layer_data data, const filter::filter&,
                             std::uint64_t, filter::classify_out& out) {
  out.action = filter::classify_out::answer::go_on;
  const bool has_name = known.has(filter::field_id::host);
  if (has_name || about.explaining || !about.flow || about.way != filter::stream_way::to_target) return;
  wire::first_name read = wire::read_first_name(data);
  if (read.what == wire::first_name::state::found) about.flow->sniffed_name = std::move(read.name);
  if (read.what != wire::first_name::state::incomplete) return;
  out.need_more = 1;
  out.wait = settings_.wait;
}

}  // namespace omnilink::interceptor
