// What patterns fit, and the same patterns when there are so many that they are indexed.
#include "interceptor/filter/week_time.hpp"
#include "setup.hpp"

namespace omnilink::interceptor::filter {
namespace {

bool fits_alone(field_id f, const std::string& text, const values& known) {
  return any_of(f, {text}).holds(known);
}

values host(std::string_view name) {
  return values{}.set(field_id::host, name);
}
values exe(std::string_view path) {
  return values{}.set(field_id::exe, path);
}
values port(std::uint64_t n) {
  return values{}.set(field_id::remote_port, n);
}
values address(std::string_view text) {
  return values{}.set(field_id::remote_address, *core::address::parse(text));
}

pattern parsed(field_id f, match_type how, std::string_view text) {
  auto out = parse_pattern(f, how, text);
  EXPECT_TRUE(std::holds_alternative<pattern>(out)) << std::get<std::string>(out);
  return std::get<pattern>(out);
}

std::string wrong(field_id f, match_type how, std::string_view text) {
  const auto out = parse_pattern(f, how, text);
  return std::holds_alternative<std::string>(out) ? std::get<std::string>(out) : "";
}

TEST(condition, hosts_exact_below_and_suffix) {
  EXPECT_TRUE(fits_alone(field_id::host, "example.com", host("example.com")));
  EXPECT_TRUE(fits_alone(field_id::host, "Example.COM.", host("eXample.com.")));
  EXPECT_FALSE(fits_alone(field_id::host, "example.com", host("www.example.com")));
  EXPECT_TRUE(fits_alone(field_id::host, "*.example.com", host("a.b.example.com")));
  EXPECT_FALSE(fits_alone(field_id::host, "*.example.com", host("example.com")));
  EXPECT_FALSE(fits_alone(field_id::host, "*.example.com", host("badexample.com")));
  EXPECT_TRUE(fits_alone(field_id::host, ".example.com", host("example.com")));
  EXPECT_TRUE(fits_alone(field_id::host, ".example.com", host("www.example.com")));
  EXPECT_FALSE(fits_alone(field_id::host, ".example.com", host("notexample.com")));
  EXPECT_TRUE(fits_alone(field_id::host, "ads-*.example.com", host("ads-7.example.com")));
}

TEST(condition, globs) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("/usr/*/curl", "/usr/local/bin/curl"));
  EXPECT_FALSE(glob_matches("/usr/*/curl", "/usr/curl"));
  EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(glob_matches("a*b*c", "a-b-b"));
  EXPECT_TRUE(glob_matches("py?hon*", "python3.11"));
  EXPECT_FALSE(glob_matches("?", ""));
}

TEST(condition, addresses_networks_and_ranges) {
  EXPECT_TRUE(fits_alone(field_id::remote_address, "10.0.0.0/8", address("10.255.0.1")));
  EXPECT_FALSE(fits_alone(field_id::remote_address, "10.0.0.0/8", address("11.0.0.0")));
  EXPECT_TRUE(fits_alone(field_id::remote_address, "10.0.0.0/8", address("::ffff:10.0.0.1")))
      << "mapped is IPv4";
  EXPECT_TRUE(fits_alone(field_id::remote_address, "10.0.0.1-10.0.0.9", address("10.0.0.9")));
  EXPECT_FALSE(fits_alone(field_id::remote_address, "10.0.0.1-10.0.0.9", address("10.0.0.10")));
  EXPECT_TRUE(fits_alone(field_id::remote_address, "2001:db8::/32", address("2001:db8::1")));
  EXPECT_FALSE(fits_alone(field_id::remote_address, "0.0.0.0/0", address("2001:db8::1")));
}

TEST(condition, numbers_ranges_greater_and_less) {
  EXPECT_TRUE(fits_alone(field_id::remote_port, "8000-8100", port(8100)));
  EXPECT_FALSE(fits_alone(field_id::remote_port, "8000-8100", port(8101)));
  EXPECT_EQ(parsed(field_id::remote_port, match_type::greater, "1023"), pattern(number_range{1024, 65535}));
  EXPECT_EQ(parsed(field_id::uid, match_type::less, "1000"), pattern(number_range{0, 999}));
  EXPECT_EQ(wrong(field_id::remote_port, match_type::greater, "65535"), "nothing is greater than 65535");
  EXPECT_EQ(wrong(field_id::uid, match_type::less, "0"), "nothing is less than 0");
}

TEST(condition, paths_exact_prefix_and_glob) {
  EXPECT_TRUE(fits_alone(field_id::exe, "/usr/bin/curl", exe("/usr/bin/curl")));
  EXPECT_FALSE(fits_alone(field_id::exe, "/usr/bin/curl", exe("/usr/bin/curl2")));
  EXPECT_TRUE(fits_alone(field_id::exe, "/usr/bin/c*", exe("/usr/bin/curl2")));
  const condition prefix{field_id::exe, false, {parsed(field_id::exe, match_type::prefix, "/opt/")}};
  EXPECT_TRUE(prefix.holds(exe("/opt/app/bin")));
  EXPECT_FALSE(prefix.holds(exe("/usr/opt/")));
}

TEST(condition, an_unknown_field_meets_nothing_not_even_a_negation) {
  EXPECT_FALSE(any_of(field_id::host, {"example.com"}).holds(values{}));
  EXPECT_FALSE(none_of(field_id::host, {"example.com"}).holds(values{}));
  EXPECT_TRUE(none_of(field_id::host, {"example.com"}).holds(host("example.org")));
  EXPECT_FALSE(any_of(field_id::host, {"example.com"}).holds(host("")));
}

TEST(condition, words_that_do_not_fit_the_field) {
  EXPECT_EQ(wrong(field_id::remote_port, match_type::equal, "http"),
            "\"http\" is not a number or a range like 8000-8100");
  EXPECT_EQ(wrong(field_id::remote_port, match_type::range, "80"), "\"80\" is not a range like 8000-8100");
  EXPECT_EQ(wrong(field_id::remote_port, match_type::prefix, "80"), "prefix does not apply to remote_port");
  EXPECT_EQ(wrong(field_id::exe, match_type::greater, "a"), "greater does not apply to exe");
  EXPECT_NE(wrong(field_id::remote_address, match_type::equal, "10.0.0.1/8"), "");
  EXPECT_EQ(wrong(field_id::remote_address, match_type::less, "10.0.0.1"),
            "greater and less apply to numbers; write a network or a range of addresses");
}

TEST(condition, in_words) {
  EXPECT_EQ(to_string(any_of(field_id::remote_port, {"80", "8000-8100"})), "remote_port is 80 or 8000-8100");
  EXPECT_EQ(to_string(none_of(field_id::host, {"*.example.com", ".example.org"})),
            "host is not *.example.com or .example.org");
  EXPECT_EQ(to_string(any_of(field_id::uid, {"1", "2", "3", "4", "5", "6"})),
            "uid is 1 or 2 or 3 or 4 or one of 2 more");
}

// Lists of more than a few patterns are indexed; both must say the same at every edge.
TEST(condition, long_lists_fit_what_short_ones_fit) {
  const condition ports = any_of(field_id::remote_port, {"0", "1", "5-9", "7-20", "80", "443", "1024-2047",
                                                         "1500-3000", "65535", "65000-65535"});
  const compiled_condition compiled_ports{ports};
  for (std::uint64_t n = 0; n <= 65535; ++n)
    ASSERT_EQ(compiled_ports.holds(port(n)), ports.holds(port(n))) << n;

  const condition negated = none_of(
      field_id::host, {"a.com", "b.com", "*.c.com", ".d.com", "e.com", "f.com", "g*.com", "h.com", "i.com"});
  const compiled_condition compiled_hosts{negated};
  for (const char* name :
       {"a.com", "x.a.com", "c.com", "x.c.com", "d.com", "x.y.d.com", "good.com", "x.com", "com"}) {
    EXPECT_EQ(compiled_hosts.holds(host(name)), negated.holds(host(name))) << name;
  }
  EXPECT_FALSE(compiled_hosts.holds(values{}));

  const condition networks = any_of(
      field_id::remote_address, {"0.0.0.0-0.0.0.3", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.1", "127.0.0.0/8",
                                 "192.0.2.7-192.0.2.200", "198.51.100.0/24", "203.0.113.0/25",
                                 "255.255.255.255", "fe80::/10", "2001:db8::5-2001:db8::ffff", "::/128"});
  const compiled_condition compiled_networks{networks};
  for (const char* text : {"0.0.0.0",
                           "0.0.0.3",
                           "0.0.0.4",
                           "9.255.255.255",
                           "10.0.0.0",
                           "10.1.1.1",
                           "10.255.255.255",
                           "11.0.0.0",
                           "192.0.2.6",
                           "192.0.2.7",
                           "192.0.2.200",
                           "192.0.2.201",
                           "203.0.113.127",
                           "203.0.113.128",
                           "255.255.255.254",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe7f:ffff::",
                           "fe80::",
                           "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                           "fec0::",
                           "2001:db8::4",
                           "2001:db8::5",
                           "2001:db8::ffff",
                           "2001:db8::1:0"}) {
    EXPECT_EQ(compiled_networks.holds(address(text)), networks.holds(address(text))) << text;
  }
}

TEST(week_time, is_a_minute_from_monday_on) {
  EXPECT_EQ(parse_week_time("Mon 00:00"), 0u);
  EXPECT_EQ(parse_week_time("Tue 01:02"), 24u * 60 + 62);
  EXPECT_EQ(parse_week_time("Sun 23:59"), 10079u);
  for (const char* text : {"", "Mon", "Mon 24:00", "Mon 00:60", "Mon 0:00", "Mon  0:00", "mon 00:00", "Mon 00:000", "Mon +1:00"})
    EXPECT_EQ(parse_week_time(text), std::nullopt) << text;
  EXPECT_EQ(to_week_time(24 * 60 + 62), "Tue 01:02");
}

TEST(week_time, words_are_ranges_whose_end_is_not_within) {
  const auto shown = [](std::string_view text) {
    std::string out;
    for (const number_range& one : parse_week_times(text)) out += (out.empty() ? "" : ", ") + to_week_times(one);
    return out;
  };
  EXPECT_EQ(shown("Mon-Tue 08:00-18:00"), "Mon 08:00-18:00, Tue 08:00-18:00");
  EXPECT_EQ(parse_week_times("Mon 08:00-18:00"), (std::vector{number_range{480, 1079}}));
  EXPECT_EQ(shown("Sat"), "Sat 00:00-24:00");
  EXPECT_EQ(shown("Fri-Mon"), "Mon 00:00-24:00, Fri 00:00-Mon 00:00") << "the week goes round";
  EXPECT_EQ(shown("Fri-Sat 22:00-06:00"), "Fri 22:00-Sat 06:00, Sat 22:00-Sun 06:00");
  EXPECT_EQ(shown("Sun 22:00-06:00"), "Mon 00:00-06:00, Sun 22:00-24:00");
  EXPECT_EQ(parse_week_times("12:00-12:01").size(), 7u);
  EXPECT_EQ(shown("Wed 12:00-12:01"), "Wed 12:00");
  for (const char* text : {"", " ", "Mon ", "Mon 8:00-18:00", "Mon 08:00", "08:00", "Mon-", "-Fri", "Mon-Fri-Sat", "Mon 08:00-08:00", "Mon 24:00-01:00", "Mon 08:00-24:01",
                           "Mon 08:00-18:00 ", "Mon  08:00-18:00", "8-18"})
    EXPECT_EQ(shown(text), "") << text;
  const auto patterns = std::get<std::vector<pattern>>(parse_patterns(field_id::time, "Mon-Fri 08:00-18:00"));
  const condition office{field_id::time, false, patterns};
  EXPECT_TRUE(office.holds(values{}.set(field_id::time, *parse_week_time("Fri 17:59"))));
  EXPECT_FALSE(office.holds(values{}.set(field_id::time, *parse_week_time("Fri 18:00"))));
  EXPECT_EQ(to_string(condition{field_id::time, true, {patterns[0]}}), "time is not Mon 08:00-18:00");
  EXPECT_EQ(std::get<std::string>(parse_patterns(field_id::time, "Mo")).substr(0, 30), "\"Mo\" is not a time of the week");
}

}  // namespace
}  // namespace omnilink::interceptor::filter
