#include "interceptor/filter/flow.hpp"

#include <utility>

#include "interceptor/filter/registration.hpp"

namespace omnilink::interceptor::filter {

void flow::end() noexcept {
  for (const held& h : std::exchange(contexts_, {})) {
    h.of->flow_delete(h.at, h.context);
    h.of->let_context_go();
  }
}

std::uint64_t flow::context_of(const registration& of, layer_id at) const noexcept {
  for (const held& h : contexts_) {
    if (h.of.get() == &of && h.at == at) return h.context;
  }
  return 0;
}

void flow::associate(std::shared_ptr<registration> of, layer_id at, std::uint64_t context) {
  for (held& h : contexts_) {
    if (h.of == of && h.at == at) return of->flow_delete(at, std::exchange(h.context, context));
  }
  if (!of->hold_context()) return of->flow_delete(at, context);
  contexts_.push_back({std::move(of), at, context});
}

void flow::limit(std::shared_ptr<rates> shared) {
  up_.push_back(&shared->up);
  down_.push_back(&shared->down);
  rates_.push_back(std::move(shared));
}

}  // namespace omnilink::interceptor::filter
