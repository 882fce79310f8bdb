// The compiled policy against the simplest thing that could be right: every filter of every sublayer is
// tried, one by one, and the decision follows the documented rules as they are written. Random filters,
// random connections.
#include <algorithm>
#include <random>

#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int classifications = 100'000;
#else
constexpr int classifications = 1'000'000;
#endif
constexpr int connections_per_set = 250;

/// What a scripted callout answers is in its filter's context.
class by_context : public callout {
 public:
  void classify(const values&, const metadata&, layer_data, const filter& by, std::uint64_t,
                classify_out& out) override {
    out.action = static_cast<classify_out::answer>(by.context & 3);
    if (by.context & 4) out.right = false;
  }
};

/// Words that are alike, so that they meet.
class random_world {
 public:
  explicit random_world(std::uint32_t seed) : random_{seed} {}

  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>{0, limit - 1}(random_);
  }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

  core::address address(bool is_v6) {
    if (!is_v6) return core::address::v4(0x0a000000u | below(4) << 16 | below(2) << 8 | below(6));
    core::address::bytes_v6 bytes{0x20, 0x01, 0x0d, 0xb8};
    bytes[7] = static_cast<std::uint8_t>(below(3));
    bytes[15] = static_cast<std::uint8_t>(below(6));
    return core::address::v6(bytes);
  }

  std::string host() {
    static const char* const labels[] = {"a", "b", "cdn", "www", "example", "test"};
    std::string out = one_in(2) ? "com" : "org";
    for (std::uint32_t n = 1 + below(3); n > 0; --n) out = std::string{labels[below(6)]} + "." + out;
    return out;
  }

  std::string path() {
    static const char* const parts[] = {"/usr", "/bin", "/curl", "/ssh", "/opt"};
    std::string out;
    for (std::uint32_t n = 1 + below(3); n > 0; --n) out += parts[below(5)];
    return out;
  }

  std::uint64_t number(field_id f) {
    return f == field_id::remote_port || f == field_id::local_port ? below(40) * 1637 : below(12);
  }

  pattern some_pattern(field_id f, bool is_v6) {
    switch (type_of(f)) {
      case field_type::address:
        return address_pattern(is_v6);
      case field_type::number: {
        std::uint64_t first = number(f), last = one_in(2) ? first : number(f);
        if (last < first) std::swap(first, last);
        return number_range{first, last};
      }
      case field_type::text:
        break;
    }
    if (f == field_id::host) {
      const auto how = static_cast<text_pattern::kind>(below(5));
      if (how == text_pattern::kind::glob) return text_pattern{how, one_in(2) ? "*.example.*" : "www*"};
      if (how == text_pattern::kind::prefix) return text_pattern{how, "cdn"};
      const std::string name = host();
      return text_pattern{
          how, one_in(3) && how != text_pattern::kind::exact ? name.substr(name.rfind('.') + 1) : name};
    }
    if (one_in(4)) return text_pattern{text_pattern::kind::glob, "/usr*"};
    return text_pattern{one_in(4) ? text_pattern::kind::prefix : text_pattern::kind::exact, path()};
  }

  condition some_condition(bool is_v6) {
    static constexpr field_id chosen[] = {
        field_id::local_address, field_id::remote_address, field_id::remote_address,
        field_id::local_port,    field_id::remote_port,    field_id::uid,
        field_id::netns,         field_id::host,           field_id::host,
        field_id::exe,           field_id::listener};
    condition out{chosen[below(std::size(chosen))], one_in(6), {}};
    for (std::uint32_t n = one_in(5) ? 12 : 1 + below(2); n > 0; --n)
      out.any_of.push_back(some_pattern(out.field, is_v6));
    return out;
  }

  action some_action() {
    switch (below(8)) {
      case 0:
        return action::permit();
      case 1:
        return action::block();
      case 2:
        return action::chain("out");
      case 3:
        return action::direct();
      case 4:
        return action::callout(action_kind::callout_terminating, "registered");
      case 5:
        return action::callout(action_kind::callout_unknown, "registered");
      case 6:
        return action::callout(action_kind::callout_inspection, "registered");
      default:
        return action::callout(action_kind::callout_unknown, "unregistered");
    }
  }

  filter some_filter(int number) {
    static const char* const sublayers[] = {"heavy", "default", "light"};
    const bool is_v6 = one_in(3);
    filter out = make("f" + std::to_string(number), some_action(), below(20), sublayers[below(3)]);
    out.layer = is_v6 ? layer_id::connect_auth_v6 : layer_id::connect_auth_v4;
    if (one_in(3)) out.weight = weight::automatic();
    for (std::uint32_t n = below(4); n > 0; --n) {
      condition c = some_condition(is_v6);
      const auto same = [&](const condition& o) { return o.field == c.field && (o.negated || c.negated); };
      if (std::none_of(out.conditions.begin(), out.conditions.end(), same))
        out.conditions.push_back(std::move(c));
    }
    out.context = below(8);
    out.enabled = !one_in(10);
    const bool is_callout = out.action.kind >= action_kind::callout_terminating;
    if (is_callout) {
      out.right = one_in(3) ? action_right::clear : action_right::by_default;
      out.permit_if_unregistered = out.action.kind != action_kind::callout_inspection && one_in(3);
    } else {
      out.right = static_cast<action_right>(below(3));
    }
    return out;
  }

  values some_values(bool is_v6) {
    values out;
    const auto maybe = [&](field_id f, auto value) {
      if (!one_in(8)) out.set(f, value);
    };
    maybe(field_id::local_address, address(is_v6));
    maybe(field_id::remote_address, address(is_v6));
    for (const field_id f : {field_id::local_port, field_id::remote_port, field_id::uid, field_id::netns})
      maybe(f, number(f));
    texts_ = {path(), path()};
    maybe(field_id::exe, std::string_view{texts_[0]});
    maybe(field_id::listener, std::string_view{texts_[1]});
    maybe(field_id::host, std::string_view{host()});
    return out;
  }

 private:
  pattern address_pattern(bool is_v6) {
    if (one_in(5)) {
      core::address first = address(is_v6), last = address(is_v6);
      if (last < first) std::swap(first, last);
      return address_range{first, last};
    }
    const unsigned prefix = is_v6 ? (one_in(2) ? 128 : below(129)) : (one_in(2) ? 32 : below(33));
    auto bytes = address(is_v6);
    for (unsigned p = prefix;; --p) {  // a network whose bits behind the prefix are 0
      if (const auto network = core::cidr::make(bytes, p)) return *network;
      if (p == 0) return *core::cidr::make(is_v6 ? core::address::v6({}) : core::address{}, 0);
    }
  }

  std::mt19937 random_;
  std::vector<std::string> texts_;
};

bool naive_matches(const filter& f, const values& known) {
  return std::all_of(f.conditions.begin(), f.conditions.end(), [&](const condition& c) {
    return std::any_of(f.conditions.begin(), f.conditions.end(),
                       [&](const condition& o) { return o.field == c.field && o.holds(known); });
  });
}

struct naive_decision {
  std::string what = "none";
  bool right = true;
  std::string by, way, veto_of;
  std::string in_words() const {
    return what + (by.empty() ? "" : " by " + by + (right ? ", soft" : ", hard")) +
           (way.empty() ? "" : ", way " + way) + (veto_of.empty() ? "" : ", veto of " + veto_of);
  }
};

/// A filter's own word: permit, block or continue, and whether it takes the right away.
struct word {
  std::string what;
  bool takes_right = false;
  bool is_callout = false;
};

word naive_word(const filter& f, bool right) {
  const bool clear = f.right == action_right::clear;
  switch (f.action.kind) {
    case action_kind::block:
      return {"block", f.right != action_right::keep};
    case action_kind::permit:
    case action_kind::chain:
    case action_kind::direct:
    case action_kind::redirect:
      return {"permit", clear};
    default:
      break;
  }
  if (f.action.name == "unregistered") {
    if (f.action.kind == action_kind::callout_inspection) return {"continue"};
    if (f.permit_if_unregistered) return {"permit", clear};
    return {"block", true};
  }
  if (f.action.kind == action_kind::callout_inspection) return {"continue"};
  static const char* const answers[] = {"nothing", "continue", "permit", "block"};
  std::string said = answers[f.context & 3];
  const bool clears = clear || (f.context & 4) != 0 || !right;
  if (f.action.kind == action_kind::callout_terminating && right && said != "permit") said = "block";
  if (said == "nothing") said = "continue";
  return {said, clears, true};
}

naive_decision naive_classify(const std::vector<filter>& all, layer_id at, const values& known) {
  naive_decision out;
  for (const char* sublayer : {"heavy", "default", "light"}) {
    std::vector<const filter*> matching;
    for (const filter& f : all) {
      if (f.enabled && f.layer == at && f.sublayer == sublayer && naive_matches(f, known))
        matching.push_back(&f);
    }
    std::stable_sort(matching.begin(), matching.end(), [](const filter* a, const filter* b) {
      return a->effective_weight() > b->effective_weight();
    });
    for (const filter* f : matching) {
      const word said = naive_word(*f, out.right);
      if (said.what == "continue") continue;
      const bool has_way = f->action.kind == action_kind::chain || f->action.kind == action_kind::direct;
      if (said.what == out.what) {  // the same again
        if (!said.is_callout || out.right || said.what == "block") out.right = out.right && !said.takes_right;
        if (said.what == "permit" && has_way && out.way.empty()) out.way = f->name;
      } else if (out.right || (said.what == "block" && said.is_callout && out.what == "permit")) {
        if (!out.right) out.veto_of = out.by;
        out.what = said.what;
        out.by = f->name;
        out.way = said.what == "permit" && has_way ? f->name : "";
        out.right = out.right && !said.takes_right;
      }
      break;
    }
  }
  return out;
}

TEST(property, compiled_traced_and_naive_decisions_are_equal) {
  for (int done = 0, seed = 1; done < classifications; ++seed) {
    random_world world{static_cast<std::uint32_t>(seed)};
    std::vector<filter> all;
    const int count = static_cast<int>(world.one_in(4) ? world.below(120) : world.below(15));
    for (int i = 0; i < count; ++i) {
      all.push_back(world.some_filter(i));
      all.back().id = static_cast<filter_id>(i) + 1;
    }
    engine filters;
    ASSERT_EQ(filters.register_callout("registered", std::make_shared<by_context>()), "");
    transaction t = filters.begin();
    t.add(sublayer{"heavy", 0xf000, {}});
    t.add(sublayer{"light", 0x0100, {}});
    t.add_callout("registered");
    t.add_callout("unregistered");
    for (const filter& f : all) t.add(f);
    const auto errors = filters.commit(std::move(t));
    ASSERT_TRUE(errors.empty()) << "seed " << seed << ": " << errors.front();
    const auto policy = filters.current();
    for (int i = 0; i < connections_per_set; ++i, ++done) {
      const bool is_v6 = world.one_in(3);
      const layer_id at = is_v6 ? layer_id::connect_auth_v6 : layer_id::connect_auth_v4;
      const values known = world.some_values(is_v6);
      const std::string expected = naive_classify(all, at, known).in_words();
      const decision fast = policy->classify(at, known, {});
      ASSERT_EQ(in_words(fast), expected) << "seed " << seed << ", connection " << i;
      if (i % 10 == 0) {
        const trace traced = policy->explain(at, known, {});
        ASSERT_EQ(in_words(traced.decision), expected) << "traced, seed " << seed << ", connection " << i;
      }
    }
  }
}

}  // namespace
}  // namespace omnilink::interceptor::filter
