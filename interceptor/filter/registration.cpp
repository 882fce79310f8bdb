#include "interceptor/filter/registration.hpp"

#include "interceptor/filter/flow.hpp"

namespace omnilink::interceptor::filter {
namespace {

class counted {
 public:
  explicit counted(std::atomic<std::uint32_t>& count) noexcept : count_{count} { count_.fetch_add(1); }
  ~counted() { count_.fetch_sub(1); }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;

 private:
  std::atomic<std::uint32_t>& count_;
};

}  // namespace

std::string_view name_of(callout_state s) noexcept {
  constexpr std::string_view names[] = {"absent", "added", "registered", "ready", "unregistering"};
  return names[static_cast<std::size_t>(s)];
}

registration::result registration::classify(const values& known, const metadata& about, layer_data data,
                                            const filter& by, classify_out& out) noexcept {
  const counted call{calls_};
  if (left_.load()) return result::left;
  const std::uint64_t context = about.flow ? about.flow->context_of(*this, by.layer) : 0;
  const core::instant begin = about.clock ? about.clock() : core::instant{};
  try {
    code_->classify(known, about, data, by, context, out);
  } catch (...) {
    return result::threw;
  }
  if (out.associate && about.flow && !about.explaining) {
    about.flow->associate(shared_from_this(), by.layer, *out.associate);
  }
  const bool is_late = about.clock && about.clock() - begin > budget_;
  return is_late ? result::over_budget : result::done;
}

std::string registration::notify(callout::event what, const filter& about) noexcept {
  const counted call{calls_};
  if (left_.load()) return {};
  try {
    return code_->notify(what, about);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "it threw";
  }
}

bool registration::leave() noexcept {
  left_.store(true);
  if (calls_.load() != 0 || contexts_.load() != 0) return false;
  code_.reset();
  return true;
}

bool registration::hold_context() noexcept {
  contexts_.fetch_add(1);
  if (!left_.load()) return true;
  contexts_.fetch_sub(1);
  return false;
}

void registration::flow_delete(layer_id layer, std::uint64_t context) noexcept {
  try {
    code_->flow_delete(layer, context);
  } catch (...) {  // the context is gone either way
  }
}

}  // namespace omnilink::interceptor::filter
