// What programs were compiled against: a difference here breaks them. Whoever adds a symbol adds it to omnilink.map and here; a member
// goes to the end of its structure.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <set>
#include <sstream>
#include <string>

#include "capi/omnilink.h"

namespace {

static_assert(sizeof(WinDest) == 24 && offsetof(WinDest, host) == 0 && offsetof(WinDest, port) == 8 && offsetof(WinDest, version) == 16);
static_assert(std::is_same_v<decltype(&start_redirector), uint32_t (*)(uint32_t, uint32_t, uint32_t, uint32_t)> &&
              std::is_same_v<decltype(&stop_redirector), uint32_t (*)()> && std::is_same_v<decltype(&get_destination), WinDest (*)(uint32_t)> &&
              std::is_same_v<decltype(&delete_destination), uint32_t (*)(uint32_t)> && std::is_same_v<decltype(&free_windest), void (*)(WinDest)>);

static_assert(sizeof(omnilink_options) == 16 && offsetof(omnilink_options, query_socket) == 8);
static_assert(sizeof(omnilink_redirect_options) == 24 && offsetof(omnilink_redirect_options, port) == 4 &&
              offsetof(omnilink_redirect_options, agent_pid) == 8 && offsetof(omnilink_redirect_options, incoming) == 12 && offsetof(omnilink_redirect_options, capture) == 16);
static_assert(sizeof(omnilink_service_options) == 24 && offsetof(omnilink_service_options, timeout_ms) == 4 &&
              offsetof(omnilink_service_options, config) == 8 && offsetof(omnilink_service_options, program) == 16);
using destination = omnilink_destination;
static_assert(offsetof(destination, status) == 4 && offsetof(destination, matches) == 8 && offsetof(destination, port) == 12 &&
              offsetof(destination, host) == 16 && offsetof(destination, original) == 272 && offsetof(destination, source) == 400 &&
              offsetof(destination, generation) == 528 && offsetof(destination, connection) == 536 && offsetof(destination, age_ms) == 544 &&
              offsetof(destination, closed_ms) == 552 && offsetof(destination, pid) == 560 && offsetof(destination, uid) == 564 &&
              offsetof(destination, gid) == 568 && offsetof(destination, process) == 576 && offsetof(destination, exe) == 592 &&
              offsetof(destination, cgroup) == 848 && offsetof(destination, chain) == 1104 && sizeof(destination) == 1168);
using question = omnilink_question;
static_assert(offsetof(question, layer) == 4 && offsetof(question, token) == 8 && offsetof(question, connection) == 16 &&
              offsetof(question, timeout_ms) == 24 && offsetof(question, port) == 28 && offsetof(question, host) == 32 &&
              offsetof(question, destination) == 288 && offsetof(question, source) == 416 && offsetof(question, local) == 544 &&
              offsetof(question, pid) == 672 && offsetof(question, uid) == 676 && offsetof(question, gid) == 680 &&
              offsetof(question, process) == 688 && offsetof(question, exe) == 704 && offsetof(question, cgroup) == 960 &&
              offsetof(question, listener) == 1216 && offsetof(question, filter) == 1472 && offsetof(question, callout) == 1728 && sizeof(question) == 1792);
static_assert(offsetof(omnilink_answer, action) == 4 && offsetof(omnilink_answer, port) == 8 && offsetof(omnilink_answer, host) == 16 &&
              offsetof(omnilink_answer, chain) == 272 && sizeof(omnilink_answer) == 336);
using verdict = omnilink_verdict;
static_assert(offsetof(verdict, code) == 4 && offsetof(verdict, connection) == 8 && offsetof(verdict, bytes_up) == 16 &&
              offsetof(verdict, bytes_down) == 24 && offsetof(verdict, duration_ms) == 32 && offsetof(verdict, step) == 40 &&
              offsetof(verdict, hop) == 44 && offsetof(verdict, system_errno) == 48 && offsetof(verdict, reply) == 52 && offsetof(verdict, lost) == 56 &&
              offsetof(verdict, port) == 60 && offsetof(verdict, host) == 64 && offsetof(verdict, original) == 320 && offsetof(verdict, source) == 448 &&
              offsetof(verdict, chain) == 576 && offsetof(verdict, rule) == 640 && offsetof(verdict, hop_name) == 896 && offsetof(verdict, text) == 1152 &&
              sizeof(verdict) == 1664);
static_assert(std::is_same_v<omnilink_callout_callback, void (*)(void*, const omnilink_question*, omnilink_answer*)> &&
              std::is_same_v<omnilink_verdict_callback, void (*)(void*, const omnilink_verdict*)> &&
              std::is_same_v<decltype(&omnilink_callout_add), int (*)(omnilink_handle*, const char*, omnilink_callout_callback, void*)> &&
              std::is_same_v<decltype(&omnilink_callout_complete), int (*)(omnilink_handle*, uint64_t, const omnilink_answer*)> &&
              std::is_same_v<decltype(&omnilink_on_verdict), int (*)(omnilink_handle*, omnilink_verdict_callback, void*)>);
static_assert(OMNILINK_ACCEPT == 1 && OMNILINK_CONNECT_REDIRECT == 2 && OMNILINK_CONNECT_AUTH == 3 && OMNILINK_NO_ANSWER == 0 && OMNILINK_CONTINUE == 1 &&
              OMNILINK_PERMIT == 2 && OMNILINK_BLOCK == 3 && OMNILINK_REJECT == 4 && OMNILINK_TO == 5 && OMNILINK_DIRECT == 6 && OMNILINK_CHAIN == 7 &&
              OMNILINK_PEND == 8 && OMNILINK_STEP_NONE == 0 && OMNILINK_STEP_ACCEPT == 1 && OMNILINK_STEP_RESOLVE == 2 && OMNILINK_STEP_CONNECT == 3 &&
              OMNILINK_STEP_TLS == 4 && OMNILINK_STEP_AUTH == 5 && OMNILINK_STEP_REQUEST == 6 && OMNILINK_STEP_RELAY == 7 && OMNILINK_E_REJECTED == 23);
static_assert(OMNILINK_MISS == 0 && OMNILINK_LIVE == 1 && OMNILINK_CLOSED == 2 && OMNILINK_AMBIGUOUS == 3 && OMNILINK_OPENED == 1 &&
              OMNILINK_ENDED == 2 && OMNILINK_E_ARGUMENT == 100 && OMNILINK_E_SIZE == 101 && OMNILINK_E_AMBIGUOUS == 102 &&
              OMNILINK_E_NOT_FOUND == 31 && OMNILINK_E_PERMISSION_DENIED == 32);

// The n-th word of each line that a program prints, where the line has `with`.
std::set<std::string> words_of(const char* command, int n, const std::string& with) {
  std::set<std::string> out;
  std::FILE* lines = ::popen(command, "r");
  std::array<char, 512> line;
  while (lines != nullptr && std::fgets(line.data(), line.size(), lines) != nullptr) {
    if (std::string{line.data()}.find(with) == std::string::npos) continue;
    std::istringstream words{line.data()};
    std::string word;
    for (int i = 0; i < n; ++i) words >> word;
    out.insert(word);
  }
  EXPECT_TRUE(lines != nullptr && ::pclose(lines) == 0) << command;
  return out;
}

TEST(abi, exports_exactly_these_symbols_in_these_versions) {
  std::set<std::string> expected;
  for (const char* name : {"start_redirector", "stop_redirector", "get_destination", "delete_destination", "free_windest"})
    expected.insert(std::string{name} + "@@OMNILINK_1");
  for (const char* name : {"code_name", "code_text", "version", "last_error", "unavailable_reason", "open", "close", "redirect",
                           "redirect_stop", "lookup_port", "lookup_flow", "lookup_fd", "forget", "on_flow", "events_fd", "dispatch",
                           "service_start", "service_stop", "service_address"})
    expected.insert("omnilink_" + std::string{name} + "@@OMNILINK_2");
  for (const char* name : {"callout_add", "callout_complete", "on_verdict"}) expected.insert("omnilink_" + std::string{name} + "@@OMNILINK_3");

  std::set<std::string> found = words_of("nm -D --defined-only " LIBRARY, 3, "@");
  EXPECT_EQ(found, expected);
}

// Whoever loads it into a program of another language loads all of these.
TEST(abi, needs_no_library_that_only_the_service_needs) {
  for (const auto& name : words_of("readelf -d " LIBRARY, 5, "(NEEDED)")) {
    for (const char* heavy : {"crypto", "ssl", "nftables", "spdlog", "caf", "fmt", "seccomp", "cap-ng", "prometheus"})
      EXPECT_EQ(name.find(heavy), std::string::npos) << name;
  }
}

TEST(abi, every_code_has_a_name_and_a_text) {
  std::set<std::string> names;
  for (int code = 0; code <= 33; ++code) names.insert(omnilink_code_name(code));
  for (const int code : {100, 101, 102}) names.insert(omnilink_code_name(code));
  EXPECT_EQ(names.size(), 37u) << "all different";
  EXPECT_EQ(names.count("unknown"), 0u);
  for (const int code : {-1, 34, 99, 103, 1 << 30}) {
    EXPECT_STREQ(omnilink_code_name(code), "unknown");
    EXPECT_STRNE(omnilink_code_text(code), "");
  }
  EXPECT_STREQ(omnilink_code_text(OMNILINK_E_PERMISSION_DENIED), "permission denied");
  EXPECT_STRNE(omnilink_version(), "");
}

}  // namespace
