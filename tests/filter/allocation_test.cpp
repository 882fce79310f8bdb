// classify allocates nothing, whatever it meets.
#include <cstdlib>
#include <new>

#include "setup.hpp"

namespace {
std::size_t allocations = 0;
}

// For the whole test program: they only count.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc{};
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace omnilink::interceptor::filter {
namespace {

class silent : public callout {
 public:
  void classify(const values&, const metadata&, layer_data, const filter&, std::uint64_t,
                classify_out&) override {}
};

class allocation : public three_sublayers {};

TEST_F(allocation, none_in_classify) {
  add_callout("c", std::make_shared<silent>());
  std::vector<std::string> many_hosts{"a*.example"}, many_networks;
  for (int i = 0; i < 200; ++i) {
    many_hosts.push_back("*.h" + std::to_string(i) + ".example");
    many_networks.push_back("10." + std::to_string(i) + ".0.0/16");
  }
  filter by_host = make("by host", action::permit(), 3, "heavy");
  by_host.conditions = {any_of(field_id::host, many_hosts), any_of(field_id::remote_address, many_networks),
                        none_of(field_id::exe, {"/usr/bin/*"}),
                        any_of(field_id::remote_port, {"1-1000", "8080"})};
  add({by_host, make("looks", action::callout(action_kind::callout_inspection, "c"), 2),
       make("rest", action::chain("out"), 1), make("last", action::block(), 1, "light")});
  known.set(field_id::host, "www.h7.example")
      .set(field_id::remote_address, core::address::v4(0x0a070001))
      .set(field_id::exe, "/opt/a program whose path is longer than a short string")
      .set(field_id::remote_port, 443);
  flow connection;
  about.flow = &connection;
  held.now();
  const std::size_t before = allocations;
  const decision d = ask();
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(in_words(d), "block by last, hard");
  EXPECT_EQ(filters.counters_of(first_given_id)->hits(), 1u) << "the filter with all conditions matched";
  EXPECT_GT(allocations, before) << "the counter counts";
}

}  // namespace
}  // namespace omnilink::interceptor::filter
