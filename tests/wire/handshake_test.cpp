// The coroutine itself, and the playbook: a harness that cannot fail would make every other test here
// worthless.
#include "wire/handshake.hpp"

#include <gtest/gtest.h>

#include "tests/wire/playbook.hpp"

namespace omnilink::wire::playbook {
namespace {

struct counted {
  std::string out{};
  handshake start() { return script(out); }
  std::string outcome() const { return out; }
  static handshake script(std::string& out) {
    for (int i = 0; i < 2; ++i) {
      const bytes got = co_await receive{3};
      out.append(got.begin(), got.end());
      co_await send{got};
    }
    co_return errc::ok;
  }
};

struct delimited {
  std::string out{};
  handshake start() { return script(out); }
  std::string outcome() const { return out; }
  static handshake script(std::string& out) {
    const bytes line = co_await receive_until{6, "\r\n"};
    if (line.empty()) co_return errc::oversized;
    out.append(line.begin(), line.end());
    const bytes tail = co_await receive{1};
    out.append(tail.begin(), tail.end());
    co_return errc::ok;
  }
};

TEST(handshake, counts) {
  const buffer input = "abcdefgh"_b;
  const played all = play(counted{}, input);
  EXPECT_TRUE(all.done);
  EXPECT_EQ(all.taken, 6u);
  EXPECT_EQ(text_of(all.sent), "abcdef");
  EXPECT_EQ(check_splits(counted{}, input), "");
  EXPECT_EQ(check_truncation(counted{}, input, 6), "");
}

TEST(handshake, delimiter_within_the_limit) {
  EXPECT_EQ(play(delimited{}, "ab\r\ncd"_b).outcome, "ab\r\nc");
  EXPECT_EQ(play(delimited{}, "abcd\r\nx"_b).outcome, "abcd\r\nx");  // exactly the limit
  EXPECT_EQ(play(delimited{}, "abcde\r\nx"_b).code, errc::oversized);
  EXPECT_EQ(play(delimited{}, "a\r\r\nx"_b).outcome, "a\r\r\nx");
  for (const char* input : {"ab\r\ncd", "abcd\r\nx", "abcde\r\nx", "\r\r\r\n1", "\r\n\r\n"}) {
    EXPECT_EQ(check_splits(delimited{}, buffer{input, input + std::string_view{input}.size()}), "") << input;
  }
}

TEST(handshake, destroyed_while_it_waits) {
  std::string out;
  handshake one = counted::script(out);
  handshake two = std::move(one);
  EXPECT_EQ(two.needed(), 3u);
}

struct greedy {
  handshake start() { return script(); }
  std::string outcome() const { return {}; }
  static handshake script() {
    co_await receive{held_max + 1};
    co_return errc::ok;
  }
};

struct early {
  handshake start() { return script(); }
  std::string outcome() const { return {}; }
  static handshake script() {
    const bytes first = co_await receive{1};
    co_return first[0] == 'x' ? errc::ok : errc::bad_message;
  }
};

TEST(playbook, sees_what_is_wrong) {
  int runs = 0;
  struct moody {
    int* runs;
    handshake start() { return counted::script(out); }
    std::string outcome() const { return std::to_string(++*runs); }
    std::string out{};
  };
  EXPECT_NE(check_splits(moody{&runs}, "abcdefgh"_b), "");
  EXPECT_NE(check_noise(moody{&runs}, "abcdefgh"_b), "");
  EXPECT_NE(check_splits(greedy{}, "abc"_b), "");
  EXPECT_NE(check_noise(greedy{}, "abc"_b), "");
  EXPECT_NE(check_truncation(early{}, "xyz"_b, 2), "");
  EXPECT_NE(check_truncation(early{}, "yz"_b, 1), "");
  EXPECT_EQ(check_truncation(early{}, "xyz"_b, 1), "");
}

}  // namespace
}  // namespace omnilink::wire::playbook
