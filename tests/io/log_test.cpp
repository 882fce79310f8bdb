#include "io/log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <concepts>
#include <cstdio>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <vector>

#include "core/secret.hpp"

namespace omnilink::io::test {
namespace {

using log::field;
using log::level;
const std::chrono::system_clock::time_point moment{std::chrono::milliseconds{1769860800123}};

static_assert(!std::constructible_from<field, std::string_view, core::secret>, "a credential can be logged");

TEST(log, text_has_slug_and_fields) {
  const std::vector<field> fields{{"address", "127.0.0.1:1080"},
                                  {"note", "two words"},
                                  {"n", 7},
                                  {"big", 18446744073709551615u},
                                  {"yes", true},
                                  {"less", -1},
                                  {"empty", ""}};
  EXPECT_EQ(log::format_text(moment, level::info, "listening", fields),
            "2026-01-31T12:00:00.123Z info listening address=127.0.0.1:1080 note=\"two words\" n=7 "
            "big=18446744073709551615 yes=true less=-1");
}

TEST(log, text_escapes_what_a_terminal_or_a_parser_could_obey) {
  const std::vector<field> fields{{"v", "a\n\x1b[2J\x7f\"\\\xc2\x9b\xff=\xc3\xa9"}};
  EXPECT_EQ(log::format_text(moment, level::warn, "x", fields),
            "2026-01-31T12:00:00.123Z warn x v=\"a\\x0a\\x1b[2J\\x7f\\\"\\\\\\xc2\\x9b\\xff=\xc3\xa9\"");
}

TEST(log, json_is_valid_whatever_the_bytes) {
  std::mt19937 random{2};
  for (int round = 0; round < 3000; ++round) {
    std::string value(random() % 20, '\0');
    // Mostly from where UTF-8 goes wrong.
    for (char& each : value) each = static_cast<char>(random() % 2 ? 0x80 + random() % 0x80 : random() % 256);
    const std::vector<field> fields{{"value", value}, {"number", 0.5}, {"nothing", 0.0 / 0.0}};
    const auto line = log::format_json(moment, level::error, "slug", fields);
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << line;
    EXPECT_EQ(parsed["event"], "slug");
    EXPECT_EQ(parsed["level"], "error");
    EXPECT_EQ(parsed["time"], "2026-01-31T12:00:00.123Z");
    EXPECT_TRUE(parsed["nothing"].is_null());
    for (const char each : line) ASSERT_GE(static_cast<unsigned char>(each), 0x20) << line;
  }
}

TEST(log, json_keeps_good_text_as_it_is) {
  const std::string good = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \"\\ \n";
  const std::vector<field> fields{{"value", good}};
  EXPECT_EQ(nlohmann::json::parse(log::format_json(moment, level::info, "s", fields))["value"], good);
}

TEST(log, long_values_are_cut) {
  const std::string endless(100'000, 'x');
  const std::vector<field> fields{{"value", endless}};
  EXPECT_LT(log::format_text(moment, level::info, "s", fields).size(), log::value_max + 100);
  EXPECT_LT(log::format_json(moment, level::info, "s", fields).size(), log::value_max + 100);
}

// What the log wrote, as lines.
struct sink_lines {
  std::mutex lock;
  std::vector<std::string> lines;
  std::function<void(std::string_view)> writer() {
    return [this](std::string_view line) {
      const std::lock_guard guard{lock};
      lines.emplace_back(line);
    };
  }
  std::size_t count(std::string_view what) {
    const std::lock_guard guard{lock};
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [what](const auto& each) {
      return each.find(what) != std::string::npos;
    }));
  }
};

TEST(log, goes_nowhere_before_init_and_below_its_level) {
  log::line(level::error, "too-early");
  EXPECT_FALSE(log::enabled(level::error));
  sink_lines out;
  log_config config;
  config.sink = out.writer();
  log::init(config);
  log::line(level::debug, "too-low");
  log::line(level::info, "here", {{"id", 1}});
  log::shutdown();
  log::line(level::error, "too-late");
  ASSERT_EQ(out.lines.size(), 1u);
  EXPECT_NE(out.lines[0].find(" info here id=1"), std::string::npos);
}

TEST(log, D1_noisy_lines_come_once_a_second_and_are_counted) {
  sink_lines out;
  log_config config;
  config.sink = out.writer();
  log::init(config);
  for (int i = 0; i < 1000; ++i) log::at_most_once_a_second(level::warn, "noisy", {{"i", i}});
  log::at_most_once_a_second(level::warn, "other");
  log::shutdown();
  // One, or one more at the turn of a second.
  EXPECT_GE(out.count(" noisy "), 1u);
  EXPECT_LE(out.count(" noisy "), 3u);
  EXPECT_EQ(out.count(" other"), 1u);
}

TEST(log, a_sink_that_hangs_stops_nobody) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  sink_lines out;
  log_config config;
  config.queue = 64;
  config.sink = [released, write = out.writer()](std::string_view line) {
    released.wait();
    write(line);
  };
  log::init(config);
  std::vector<std::thread> workers;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([] {
      for (int i = 0; i < 5000; ++i) log::line(level::info, "flood", {{"i", i}});
    });
  }
  for (auto& each : workers) each.join();
  release.set_value();
  log::shutdown();
  EXPECT_LE(out.count("flood"), 66u);
  EXPECT_EQ(out.count("log-lines-dropped"), 1u);
}

// Standard error is written in pieces of many lines.
TEST(log, a_burst_comes_whole_and_in_order) {
  constexpr int count = 5000;  // fewer than the queue holds
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file{std::tmpfile(), &std::fclose};
  const int kept = ::dup(STDERR_FILENO);
  ::dup2(::fileno(file.get()), STDERR_FILENO);
  log::init({});
  for (int i = 0; i < count; ++i) log::line(level::info, "burst", {{"i", i}, {"text", std::string(1 + i % 700, 'x')}});
  log::shutdown();
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);

  std::rewind(file.get());
  std::vector<char> line(2048);
  int seen = 0;
  for (; std::fgets(line.data(), static_cast<int>(line.size()), file.get()); ++seen) {
    const auto wanted = " info burst i=" + std::to_string(seen) + " text=";
    ASSERT_NE(std::string_view{line.data()}.find(wanted), std::string_view::npos) << line.data();
  }
  EXPECT_EQ(seen, count);
}

TEST(log, config_is_checked) {
  log_config config;
  EXPECT_EQ(config.validate(), "");
  config.queue = 1;
  EXPECT_NE(config.validate().find("log.queue"), std::string::npos);
}

}  // namespace
}  // namespace omnilink::io::test
