#include "wire/admin.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/wire/scenes.hpp"
#include "wire/admin_http.hpp"

namespace omnilink::wire::playbook {
namespace {

buffer b(std::string_view text) {
  return {text.begin(), text.end()};
}

std::string error_of(std::string_view line) {
  const auto parsed = parse_admin_request(line);
  return parsed ? "" : parsed.error();
}

TEST(admin, reads_every_verb) {
  EXPECT_EQ(*parse_admin_request(R"({"verb":"version"})"), (admin_request{admin_verb::version}));
  EXPECT_EQ(*parse_admin_request(R"( {"verb": "nat_stats"} )"), (admin_request{admin_verb::nat_stats}));
  EXPECT_EQ(*parse_admin_request(R"({"verb":"nat_list"})"), (admin_request{admin_verb::nat_list}));
  EXPECT_EQ(*parse_admin_request(R"({"limit":5,"verb":"nat_list"})"),
            (admin_request{admin_verb::nat_list, 0, 5}));
  EXPECT_EQ(*parse_admin_request(R"({"verb":"connections","limit":100000})"),
            (admin_request{admin_verb::connections, 0, admin_list_max}));
  EXPECT_EQ(*parse_admin_request(R"({"verb":"connections_kill","id":18446744073709551615})"),
            (admin_request{admin_verb::connections_kill, ~0ull}));
}

TEST(admin, sources_and_cursors) {
  admin_request find{admin_verb::nat_find};
  find.source = *core::endpoint::parse("[::1]:40312");
  EXPECT_EQ(*parse_admin_request(R"({"verb":"nat_find","source":"[::1]:40312"})"), find);
  admin_request erase{admin_verb::nat_delete};
  erase.source.port = 40312;
  EXPECT_EQ(*parse_admin_request(R"({"verb":"nat_delete","source":":40312"})"), erase);
  admin_request page{admin_verb::nat_list};
  page.cursor = 1ull << 40;
  EXPECT_EQ(*parse_admin_request(R"({"verb":"nat_list","cursor":1099511627776})"), page);
  for (const admin_request& request : {find, erase, page}) {
    const std::string line = build_admin_request(request);
    EXPECT_EQ(*parse_admin_request(std::string_view{line}.substr(0, line.size() - 1)), request);
  }
  EXPECT_EQ(error_of(R"({"verb":"nat_find"})"), "nat_find: \"source\" is missing");
  EXPECT_EQ(error_of(R"({"verb":"nat_find","source":"localhost:1"})"), "nat_find: \"source\" is not ADDR:PORT or :PORT");
  EXPECT_EQ(error_of(R"({"verb":"nat_find","source":1})"), "nat_find: \"source\" is not ADDR:PORT or :PORT");
  EXPECT_EQ(error_of(R"({"verb":"nat_find","source":":0"})"), "nat_find: \"source\" is not ADDR:PORT or :PORT");
  EXPECT_EQ(error_of(R"({"verb":"nat_list","cursor":-1})"), "nat_list: \"cursor\" is not a whole number from 0 to 18446744073709551615");
  EXPECT_NE(error_of(R"({"verb":"connections","cursor":1})"), "");
}

std::string line_of(std::string_view method, std::string_view target) {
  const auto call = parse_admin_call(method, target);
  return call ? build_admin_request(call->request) : std::to_string(call.error().status) + " " + call.error().allow;
}

TEST(admin_http, paths_are_the_admin_sockets_verbs) {
  EXPECT_EQ(line_of("GET", "/v1/nat"), "{\"limit\":1000,\"verb\":\"nat_list\"}\n");
  EXPECT_EQ(line_of("GET", "/v1/nat?limit=7&cursor=9"), "{\"cursor\":9,\"limit\":7,\"verb\":\"nat_list\"}\n");
  EXPECT_EQ(line_of("GET", "/v1/nat/127.0.0.1:40312"), "{\"source\":\"127.0.0.1:40312\",\"verb\":\"nat_find\"}\n");
  EXPECT_EQ(line_of("GET", "/v1/nat/%5B::1%5D%3a40312"), "{\"source\":\"[::1]:40312\",\"verb\":\"nat_find\"}\n");
  EXPECT_EQ(line_of("DELETE", "/v1/nat/:40312"), "{\"source\":\":40312\",\"verb\":\"nat_delete\"}\n");
  EXPECT_EQ(line_of("GET", "/v1/connections?limit=1"), "{\"limit\":1,\"verb\":\"connections\"}\n");
  EXPECT_EQ(line_of("DELETE", "/v1/connections/7"), "{\"id\":7,\"verb\":\"connections_kill\"}\n");
  EXPECT_EQ(line_of("GET", "/v1/chains"), "{\"verb\":\"chains\"}\n");
  EXPECT_EQ(line_of("GET", "/v1/stats"), "{\"verb\":\"nat_stats\"}\n");
  EXPECT_EQ(parse_admin_call("GET", "/metrics")->answered_as, admin_call::form::metrics);
  EXPECT_EQ(parse_admin_call("GET", "/healthz")->answered_as, admin_call::form::health);
}

TEST(admin_http, what_is_not_one_is_refused) {
  EXPECT_EQ(line_of("GET", "/"), "404 ");
  EXPECT_EQ(line_of("GET", ""), "404 ");
  EXPECT_EQ(line_of("GET", "*"), "404 ");
  EXPECT_EQ(line_of("GET", "http://localhost/v1/nat"), "404 ");
  EXPECT_EQ(line_of("GET", "/v1/nat/"), "404 ");
  EXPECT_EQ(line_of("GET", "/v1/nat/a/b"), "404 ");
  EXPECT_EQ(line_of("GET", "/v1/natter"), "404 ");
  EXPECT_EQ(line_of("GET", "/v1/reload"), "404 ");
  EXPECT_EQ(line_of("POST", "/v1/nat"), "405 GET");
  EXPECT_EQ(line_of("PUT", "/v1/nat/127.0.0.1:1"), "405 GET, DELETE");
  EXPECT_EQ(line_of("GET", "/v1/connections/7"), "405 DELETE");
  EXPECT_EQ(line_of("HEAD", "/metrics"), "405 GET");
  for (const char* target : {"/v1/nat/localhost:1", "/v1/nat/127.0.0.1", "/v1/nat/127.0.0.1:0", "/v1/nat/%", "/v1/nat/%5", "/v1/nat/%zz",
                             "/v1/nat?limit=0", "/v1/nat?limit=100001", "/v1/nat?limit", "/v1/nat?limit=1x", "/v1/nat?cursor=", "/v1/nat?page=1",
                             "/v1/nat?limit=99999999999999999999", "/v1/chains?limit=1"})
    EXPECT_EQ(line_of("GET", target), "400 ") << target;
  EXPECT_EQ(line_of("DELETE", "/v1/connections/0"), "400 ");
  EXPECT_EQ(line_of("DELETE", "/v1/connections/-1"), "400 ");
  EXPECT_EQ(line_of("GET", "/v1/nat?" + std::string(admin_target_max, 'x')), "400 ");
}

TEST(admin_http, E2_who_comes_from_a_web_page_or_by_another_name_is_not_admitted) {
  const std::vector<std::string> names{"127.0.0.1:9090", "localhost:9090"};
  EXPECT_TRUE(admits({"127.0.0.1:9090", "", ""}, names));
  EXPECT_TRUE(admits({"localhost:9090", "", "none"}, names));
  EXPECT_FALSE(admits({"", "", ""}, names));
  EXPECT_FALSE(admits({"localhost", "", ""}, names));
  EXPECT_FALSE(admits({"evil.example:9090", "", ""}, names));
  EXPECT_FALSE(admits({"localhost:9090.evil.example", "", ""}, names));
  EXPECT_FALSE(admits({"127.0.0.1:9090", "http://127.0.0.1:9090", ""}, names));
  EXPECT_FALSE(admits({"127.0.0.1:9090", "null", ""}, names));
  for (const char* site : {"cross-site", "same-site", "same-origin", "None"}) EXPECT_FALSE(admits({"127.0.0.1:9090", "", site}, names));
}

TEST(admin_http, a_token_is_itself_and_no_part_of_itself) {
  const core::secret token{"0123456789abcdef"};
  EXPECT_TRUE(is_token(token, "0123456789abcdef"));
  EXPECT_FALSE(is_token(token, "0123456789abcdeg"));
  EXPECT_FALSE(is_token(token, "0123456789abcde"));
  EXPECT_FALSE(is_token(token, "0123456789abcdef0"));
  EXPECT_FALSE(is_token(token, ""));
  EXPECT_FALSE(is_token(core::secret{}, ""));
}

TEST(admin, what_is_built_is_read) {
  for (const admin_request& request :
       {admin_request{admin_verb::version}, admin_request{admin_verb::nat_list, 0, 7},
        admin_request{admin_verb::nat_stats}, admin_request{admin_verb::connections}, admin_request{admin_verb::chains},
        admin_request{admin_verb::metrics},
        admin_request{admin_verb::connections_kill, 12345678901234567890ull},
        admin_request{admin_verb::rules_list, 0, 9}, admin_request{admin_verb::rules_enable, 1ull << 32},
        admin_request{admin_verb::rules_disable, 7}}) {
    const std::string line = build_admin_request(request);
    ASSERT_TRUE(line.ends_with('\n'));
    const auto back = parse_admin_request(std::string_view{line}.substr(0, line.size() - 1));
    ASSERT_TRUE(back) << back.error();
    EXPECT_EQ(*back, request);
  }
}

connection_question asked_in_full() {
  connection_question out;
  out.destination = *core::target::parse("[2001:db8::7]:443");
  out.host = "ads.example.com";
  out.source = *core::address::parse("10.0.0.7");
  out.source_port = 40312;
  out.uid = 0;
  out.gid = 100;
  out.pid = 7;
  out.netns = ~0ull;
  out.minute = 10079;
  out.exe = "/opt/a \"b\"/c";
  out.process = "c";
  out.cgroup = "/system.slice/c.service";
  out.interface = "eth0";
  out.listener = "cgroup";
  out.incoming = true;
  out.all = true;
  return out;
}

TEST(admin, reads_a_question_about_a_connection) {
  const auto least = parse_admin_request(R"({"verb":"explain","destination":"example.org:443"})");
  ASSERT_TRUE(least) << least.error();
  EXPECT_EQ(least->about.destination, core::target("example.org", 443));
  EXPECT_EQ(least->about.uid, std::nullopt);
  EXPECT_FALSE(least->about.all);
  const admin_request full{admin_verb::explain, 0, admin_list_default, asked_in_full()};
  const std::string line = build_admin_request(full);
  const auto back = parse_admin_request(std::string_view{line}.substr(0, line.size() - 1));
  ASSERT_TRUE(back) << back.error();
  EXPECT_EQ(*back, full);
}

TEST(admin, says_what_is_wrong_with_a_question) {
  const auto error = [](std::string_view rest) {
    return error_of(R"({"verb":"explain","destination":"example.org:443")" + std::string{rest} + "}");
  };
  EXPECT_EQ(error_of(R"({"verb":"explain"})"), R"(explain: "destination" is missing)");
  EXPECT_EQ(error_of(R"({"verb":"explain","destination":"example.org"})"),
            R"(explain: "example.org" is not a host and a port, as example.org:443 or [2001:db8::1]:80)");
  EXPECT_EQ(error(R"(,"uid":4294967296)"), R"(explain: "uid" is not a whole number from 0 to 4294967295)");
  EXPECT_EQ(error(R"(,"uid":"root")"), R"(explain: "uid" is not a whole number from 0 to 4294967295)");
  EXPECT_EQ(error(R"(,"minute":10080)"), R"(explain: "minute" is not a whole number from 0 to 10079)");
  EXPECT_EQ(error(R"(,"source_port":0)"), R"(explain: "source_port" is not a whole number from 1 to 65535)");
  EXPECT_EQ(error(R"(,"source":"10.0.0.7:1")"), R"(explain: "10.0.0.7:1" is not an address)");
  EXPECT_EQ(error(R"(,"host":"a b")"), R"(explain: "a b" is not a host name)");
  EXPECT_EQ(error(R"(,"exe":1)"), R"(explain: "exe" is not text)");
  EXPECT_EQ(error(R"(,"all":1)"), R"(explain: "all" is not true or false)");
  EXPECT_EQ(error(R"(,"proces":"x")"), R"(explain: unknown key "proces"; did you mean "process"?)");
}

TEST(admin, refuses_with_one_line) {
  for (const char* line : {"",
                           "null",
                           "[]",
                           "\"version\"",
                           "{",
                           "{}",
                           R"({"verb":7})",
                           R"({"verb":null})",
                           R"({"verb":""})",
                           R"({"verb":"version"}{})",
                           R"({"verb":"version","id":1})",
                           R"({"verb":"nat_list","limit":0})",
                           R"({"verb":"nat_list","limit":100001})",
                           R"({"verb":"nat_list","limit":-1})",
                           R"({"verb":"nat_list","limit":1.5})",
                           R"({"verb":"nat_list","limit":"1"})",
                           R"({"verb":"connections_kill"})",
                           R"({"verb":"connections_kill","id":0})",
                           R"({"verb":"connections_kill","id":18446744073709551616})",
                           R"({"verb":"connections_kill","id":[1]})",
                           R"({"verb":"connections_kill","id":1,"limit":1})",
                           "{\"verb\":\"version\"",
                           "{\"verb\":\"ver\xff\"}",
                           R"({"verb":"a\nb"})"}) {
    const std::string error = error_of(line);
    EXPECT_NE(error, "") << line;
    EXPECT_EQ(error.find('\n'), std::string::npos) << line;
  }
  EXPECT_NE(error_of(std::string(admin_request_max, ' ') + R"({"verb":"version"})"), "");
  EXPECT_NE(error_of(R"({"verb":")" + std::string(3000, 'x') + R"("})"), "");
  EXPECT_LT(error_of(R"({"verb":")" + std::string(3000, 'x') + R"("})").size(), 120u);
  EXPECT_NE(error_of(std::string(4000, '[')), "");
}

TEST(admin, suggests_the_nearest_word) {
  EXPECT_EQ(error_of(R"({"verb":"nat_lsit"})"), R"(unknown verb "nat_lsit"; did you mean "nat_list"?)");
  EXPECT_EQ(error_of(R"({"verb":"fly"})"), R"(unknown verb "fly")");
  EXPECT_EQ(error_of(R"({"verb":"nat_list","limt":3})"),
            R"(nat_list: unknown key "limt"; did you mean "limit"?)");
}

TEST(admin, C1_C3_a_line_at_every_split_and_no_longer_than_its_limit) {
  const std::string line = build_admin_request({admin_verb::connections_kill, 7});
  const buffer input = b(line + "behind");
  EXPECT_EQ(play(admin_server{}, input).code, errc::ok);
  EXPECT_EQ(check_splits(admin_server{}, input), "");
  EXPECT_EQ(check_truncation(admin_server{}, input, line.size()), "");
  EXPECT_EQ(check_noise(admin_server{}, b(line)), "");

  const buffer question = b(build_admin_request({admin_verb::explain, 0, 0, asked_in_full()}));
  EXPECT_EQ(play(admin_server{}, question).code, errc::ok);
  EXPECT_EQ(check_splits(admin_server{}, question), "");

  const std::string request = R"({"verb":"version"})";
  const std::string longest = request + std::string(admin_request_max - request.size() - 1, ' ') + "\n";
  EXPECT_EQ(play(admin_server{}, b(longest)).code, errc::ok);
  const played endless = play(admin_server{}, b(" " + longest));
  EXPECT_EQ(endless.code, errc::oversized);
  EXPECT_LE(endless.taken, admin_request_max);
  EXPECT_NE(endless.outcome.find("at most 4096 bytes"), std::string::npos);
  EXPECT_EQ(play(admin_server{}, b("{}\n")).code, errc::bad_message);
}

}  // namespace
}  // namespace omnilink::wire::playbook
