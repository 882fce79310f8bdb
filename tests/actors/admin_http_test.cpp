// The admin API over HTTP: who gets an answer, and that it is the admin socket's.
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/actors/query_rig.hpp"

namespace omnilink::test {
namespace {

using nlohmann::json;

class admin_http : public ::testing::Test {
 protected:
  admin_http() : omnilink_{config()}, where_{omnilink_->admin_http().value_or(core::endpoint{})} {}

  static actors::configuration config() {
    auto out = two_workers();
    out.admin_http = core::endpoint{core::address::v4(0x7f000001), 0};
    out.admin_token = core::secret{"0123456789abcdef0123456789abcdef"};
    return out;
  }

  // All that comes back until the service closes.
  std::string exchange(const std::string& text) {
    const auto fd = connect_tcp(where_);
    if (!fd || !send_all(fd.get(), text)) return "(not sent)";
    std::string out;
    for (std::string more; !(more = receive(fd.get(), 1)).empty();) out += more;
    return out;
  }
  std::string call(const std::string& line, const std::string& fields = {}) {
    return exchange(line + " HTTP/1.1\r\nHost: " + where_.to_string() + "\r\nAuthorization: Bearer 0123456789abcdef0123456789abcdef\r\n" + fields + "\r\n");
  }
  static int status_of(const std::string& answer) { return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0; }
  static json body_of(const std::string& answer) { return json::parse(answer.substr(answer.find("\r\n\r\n") + 4)); }

  echo_server origin_;
  running omnilink_;
  core::endpoint where_;
};

TEST_F(admin_http, lists_finds_and_ends_what_runs) {
  const auto fd = tunnel(omnilink_.listener(), origin_.address());
  ASSERT_TRUE(echoes(fd.get(), "twelve bytes"));
  const std::string source = about(fd.get()).source.to_string();
  const std::string listed = call("GET /v1/nat");
  EXPECT_EQ(status_of(listed), 200);
  EXPECT_NE(listed.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_EQ(listed.find("Access-Control"), std::string::npos);
  ASSERT_EQ(body_of(listed)["flows"].size(), 1u);
  EXPECT_EQ(body_of(listed)["next"], 0);
  EXPECT_EQ(body_of(call("GET /v1/nat/" + source))["flows"][0]["original"], origin_.address().to_string());
  EXPECT_EQ(status_of(call("GET /v1/nat/127.0.0.1:9")), 404);
  EXPECT_EQ(status_of(call("DELETE /v1/nat/" + source)), 409);  // it lives
  EXPECT_EQ(status_of(call("DELETE /v1/nat/127.0.0.1:9")), 404);
  EXPECT_EQ(body_of(call("GET /v1/chains"))["chains"][0]["chain"], "direct");
  EXPECT_EQ(body_of(call("GET /v1/stats"))["live"], 1);
  EXPECT_EQ(body_of(call("GET /healthz"))["status"], "running");
  EXPECT_NE(call("GET /metrics").find("\n# TYPE omnilink_"), std::string::npos);
  const json running = body_of(call("GET /v1/connections"));
  ASSERT_EQ(running["connections"].size(), 1u);
  const std::string id = std::to_string(running["connections"][0]["id"].get<std::uint64_t>());
  EXPECT_EQ(status_of(call("DELETE /v1/connections/" + id)), 200);
  EXPECT_EQ(receive_end(fd.get()), -ECONNRESET);
  EXPECT_EQ(status_of(call("DELETE /v1/connections/" + id)), 404);
  int code = 0;
  do code = status_of(call("DELETE /v1/nat/" + source));
  while (code == 409);  // until the worker has seen the end
  EXPECT_EQ(code, 200);
}

TEST_F(admin_http, pages_of_a_listing_show_everything_once) {
  std::vector<io::descriptor> open;
  for (int i = 0; i < 20; ++i) open.push_back(tunnel(omnilink_.listener(), origin_.address()));
  std::size_t seen = 0;
  std::uint64_t cursor = 0;
  do {
    const json page = body_of(call("GET /v1/nat?limit=3&cursor=" + std::to_string(cursor)));
    ASSERT_LE(page["flows"].size(), 3u);
    seen += page["flows"].size();
    cursor = page["next"].get<std::uint64_t>();
  } while (cursor != 0);
  EXPECT_EQ(seen, open.size());
}

TEST_F(admin_http, E1_nothing_is_answered_without_the_token) {
  const std::string host = "Host: " + where_.to_string() + "\r\n";
  for (const std::string& fields : {std::string{}, std::string{"Authorization: Bearer 0123456789abcdef0123456789abcdee\r\n"},
                                    std::string{"Authorization: Bearer \r\n"}, std::string{"Authorization: Basic 0123456789abcdef0123456789abcdef\r\n"}}) {
    for (const char* line : {"GET /healthz", "GET /metrics", "DELETE /v1/connections/1", "GET /nowhere"}) {
      const std::string answer = exchange(std::string{line} + " HTTP/1.1\r\n" + host + fields + "\r\n");
      EXPECT_EQ(status_of(answer), 401) << line;
      EXPECT_EQ(body_of(answer).size(), 1u);
    }
  }
}

TEST_F(admin_http, E2_another_host_and_what_a_web_page_sends_get_no_answer_at_all) {
  const std::string token = "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n";
  EXPECT_EQ(exchange("GET /healthz HTTP/1.1\r\n" + token + "\r\n"), "");
  EXPECT_EQ(exchange("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n" + token + "\r\n"), "");
  EXPECT_EQ(exchange("GET /healthz HTTP/1.1\r\nHost: evil.example:" + std::to_string(where_.port) + "\r\n" + token + "\r\n"), "");
  EXPECT_EQ(call("GET /healthz", "Host: evil.example\r\n"), "");
  EXPECT_EQ(call("GET /healthz", "Origin: http://" + where_.to_string() + "\r\n"), "");
  EXPECT_EQ(call("GET /healthz", "Origin:\r\n"), "");
  EXPECT_EQ(call("OPTIONS /v1/nat", "Origin: http://evil.example\r\nAccess-Control-Request-Method: DELETE\r\n"), "");
  EXPECT_EQ(call("GET /healthz", "Sec-Fetch-Site: cross-site\r\n"), "");
  EXPECT_EQ(status_of(call("GET /healthz", "Sec-Fetch-Site: none\r\n")), 200);
  EXPECT_EQ(status_of(exchange("GET /healthz HTTP/1.1\r\nHost: localhost:" + std::to_string(where_.port) + "\r\n" + token + "\r\n")), 200);
}

TEST_F(admin_http, E2_what_is_too_long_has_a_body_or_is_no_http_gets_no_answer) {
  EXPECT_EQ(call("GET /healthz", "X: " + std::string(9000, 'x') + "\r\n"), "");
  EXPECT_EQ(call("POST /v1/nat", "Content-Length: 5\r\n\r\nhello"), "");
  EXPECT_EQ(call("POST /v1/nat", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"), "");
  EXPECT_EQ(exchange("\x16\x03\x01 what\r\n\r\n"), "");
  EXPECT_EQ(status_of(call("POST /v1/nat")), 405);
  EXPECT_EQ(status_of(call("GET /v1/nowhere")), 404);
}

TEST_F(admin_http, E1_callers_who_say_nothing_do_not_grow_in_number_and_a_chain_does_not_lead_here) {
  std::vector<io::descriptor> silent;
  for (int i = 0; i < 64; ++i) silent.push_back(connect_tcp(where_));
  for (std::size_t i = 16; i < silent.size(); ++i) EXPECT_EQ(receive_end(silent[i].get()), 0);  // more than the limit
  silent.clear();
  std::string answer;
  do answer = call("GET /healthz");
  while (answer.empty());  // until the service has seen them go
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_FALSE(tunnel(omnilink_.listener(), where_));  // through omnilink itself
}

}  // namespace
}  // namespace omnilink::test
