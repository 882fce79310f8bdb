// The calls with a handle.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capi/omnilink.h"
#include "io/accept.hpp"
#include "io/address.hpp"
#include "tests/capi/rig.hpp"

namespace omnilink::test {
namespace {

class handle : public testing::Test {
 protected:
  handle() {
    const omnilink_options none{sizeof none, 0, ""};
    EXPECT_EQ(omnilink_open(&none, &it), OMNILINK_OK);
  }
  ~handle() override { omnilink_close(it); }

  std::string last_error() const {
    std::array<char, 512> text{};
    EXPECT_LT(omnilink_last_error(it, text.data(), text.size()), text.size());
    return text.data();
  }

  omnilink_handle* it = nullptr;
};

omnilink_destination fresh() {
  omnilink_destination out{};
  out.size = sizeof out;
  return out;
}

TEST_F(handle, arguments_that_are_not_legal_are_errors_with_a_reason) {
  omnilink_destination out = fresh();
  EXPECT_EQ(omnilink_open(nullptr, nullptr), OMNILINK_E_ARGUMENT);
  omnilink_close(nullptr);
  EXPECT_EQ(omnilink_redirect(nullptr, nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_redirect_stop(nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_lookup_port(nullptr, 1, &out), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_events_fd(nullptr), -1);
  EXPECT_EQ(omnilink_events_fd(it), -1);
  EXPECT_EQ(omnilink_dispatch(it, 0), OMNILINK_E_ARGUMENT) << "nothing is redirected";
  EXPECT_EQ(omnilink_dispatch(it, 60001), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_lookup_port(it, 1, nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_lookup_port(it, 65536, &out), OMNILINK_E_NOT_FOUND);
  EXPECT_EQ(out.status, unsigned{OMNILINK_MISS});
  EXPECT_EQ(omnilink_forget(it, 65536), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_forget(it, 1), OMNILINK_E_NOT_FOUND);
  for (const int fd : {-1, 1 << 20, STDERR_FILENO}) EXPECT_EQ(omnilink_lookup_fd(it, fd, &out), OMNILINK_E_ARGUMENT);

  sockaddr_storage source{};
  const socklen_t size = io::to_sockaddr(at("127.0.0.1:40000"), source);
  const auto* raw = reinterpret_cast<const sockaddr*>(&source);
  EXPECT_EQ(omnilink_lookup_flow(it, nullptr, 0, nullptr, 0, &out), OMNILINK_E_ARGUMENT);
  for (const socklen_t wrong : {socklen_t{0}, socklen_t{1}, socklen_t{8}, socklen_t{1u << 31}})
    EXPECT_EQ(omnilink_lookup_flow(it, raw, wrong, nullptr, 0, &out), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_lookup_flow(it, raw, size, raw, 3, &out), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_lookup_flow(it, raw, size, raw, size, &out), OMNILINK_E_NOT_FOUND);

  const std::uint32_t self = static_cast<std::uint32_t>(::getpid());
  const struct {
    std::uint32_t port;
    const char* capture;
    const char* reason;
  } wrong[]{{0, "pid=1", "port"},           {65536, "pid=1", "65536"},       {1, nullptr, "NULL"},
            {1, "", "conditions"},          {1, "pid", "conditions"},        {1, "pit=1", "did you mean \"pid\""},
            {1, "pid=x", "pid"},            {1, "port=70000", "70000"},      {1, "pid=2147483632", "no process 2147483632"},
            {1, "deny=EPERM&port=1", "deny"}};
  for (const auto& one : wrong) {
    const omnilink_redirect_options options{sizeof options, one.port, self, 0, one.capture};
    EXPECT_EQ(omnilink_redirect(it, &options), OMNILINK_E_ARGUMENT) << one.reason;
    EXPECT_NE(last_error().find(one.reason), std::string::npos) << last_error();
  }
  char little[8];
  EXPECT_GT(omnilink_last_error(it, little, sizeof little), sizeof little);
  EXPECT_EQ(std::strlen(little), sizeof little - 1) << "cut, with its zero";
  EXPECT_EQ(omnilink_last_error(it, nullptr, 0), last_error().size());
}

// What another version of the header makes of a structure.
TEST_F(handle, structures_of_another_size) {
  struct {
    omnilink_destination known;
    std::uint64_t later;
  } out{};
  out.later = 7;
  out.known.size = sizeof out;
  EXPECT_EQ(omnilink_lookup_port(it, 1, &out.known), OMNILINK_E_NOT_FOUND);
  EXPECT_EQ(out.later, 0u) << "of a newer header: what is not known is zero";
  EXPECT_EQ(out.known.size, sizeof out);
  for (const std::uint32_t size : {0u, 4u, unsigned{sizeof(omnilink_destination)} - 1, 0xffffffffu}) {
    out.known.size = size;
    EXPECT_EQ(omnilink_lookup_port(it, 1, &out.known), OMNILINK_E_SIZE) << size;
  }
  struct {
    omnilink_options known;
    std::uint64_t later;
  } options{{sizeof options, 0, nullptr}, 0};
  omnilink_handle* other = nullptr;
  EXPECT_EQ(omnilink_open(&options.known, &other), OMNILINK_OK);
  omnilink_close(other);
  options.later = 1;
  EXPECT_EQ(omnilink_open(&options.known, &other), OMNILINK_E_SIZE) << "it wants what is not known here";
  EXPECT_EQ(other, nullptr);
  options.known.size = 4;
  EXPECT_EQ(omnilink_open(&options.known, &other), OMNILINK_E_SIZE);
  const omnilink_redirect_options small{8, 1, 0, 0, "pid=1"};
  EXPECT_EQ(omnilink_redirect(it, &small), OMNILINK_E_SIZE);
}

// A stand-in for omnilink that says it is ready, or why not.
TEST_F(handle, a_private_service) {
  const std::string folder = testing::TempDir() + "omnilink-capi-" + std::to_string(::getpid()), stub = folder + "/omnilink";
  ASSERT_EQ(::mkdir(folder.c_str(), 0755), 0);
  std::ofstream{stub} << "#!/bin/sh\n"
                         "if grep -q bad /proc/self/fd/3; then echo 'omnilink.toml:1: bad' >&2; exit 78; fi\n"
                         "[ \"$1 $2 $3 $4 $5\" = 'run -c /proc/self/fd/3 --ready-fd 4' ] || exit 1\n"
                         "grep -q slow /proc/self/fd/3 && exec sleep 1000\n"
                         "echo 127.0.0.1:1 >&4; echo $$ >&4; exec 4>&-; exec sleep 1000\n";
  ASSERT_EQ(::chmod(stub.c_str(), 0755), 0);
  const auto start = [&](const char* config, const char* program, std::uint32_t limit = 60000) {
    const omnilink_service_options options{sizeof options, limit, config, program};
    return omnilink_service_start(it, &options);
  };
  const auto address = [&](std::uint32_t index) {
    std::array<char, 64> text{};
    omnilink_service_address(it, index, text.data(), text.size());
    return std::string{text.data()};
  };
  EXPECT_EQ(omnilink_service_start(it, nullptr), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(omnilink_service_stop(it), OMNILINK_OK) << "there is none";
  EXPECT_EQ(start(nullptr, stub.c_str()), OMNILINK_E_ARGUMENT);
  EXPECT_EQ(start("", "/nowhere/omnilink"), OMNILINK_E_ARGUMENT);
  EXPECT_NE(last_error().find("No such file"), std::string::npos) << last_error();
  EXPECT_EQ(start("bad", stub.c_str()), OMNILINK_E_ARGUMENT);
  EXPECT_NE(last_error().find("omnilink.toml:1: bad"), std::string::npos) << last_error();
  EXPECT_EQ(start("slow", stub.c_str(), 200), OMNILINK_E_TIMED_OUT);
  EXPECT_EQ(address(0), "");
  pid_t before = 0;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(start("good", stub.c_str()), OMNILINK_OK) << last_error();
    EXPECT_EQ(address(0), "127.0.0.1:1");
    EXPECT_TRUE(before == 0 || ::kill(before, 0) != 0) << "the earlier one has ended";
    before = std::stoi(address(1));
    EXPECT_EQ(::kill(before, 0), 0);
    EXPECT_EQ(address(2), "");
  }
  EXPECT_EQ(omnilink_service_stop(it), OMNILINK_OK);
  EXPECT_EQ(::kill(before, 0), -1);
  EXPECT_EQ(address(0), "");
  ASSERT_EQ(start("good", stub.c_str()), OMNILINK_OK);
  before = std::stoi(address(1));
  omnilink_close(std::exchange(it, nullptr));
  EXPECT_EQ(::kill(before, 0), -1) << "it ends with the handle";
  ::unlink(stub.c_str());
  ::rmdir(folder.c_str());
}

class redirecting_handle : public handle {
 protected:
  void SetUp() override {
    if (const std::string why = enter_world(); !why.empty()) GTEST_SKIP() << why;
    program.emplace();
    proxy.emplace();
    if (omnilink_unavailable_reason(nullptr, 0) != 0) GTEST_SKIP() << "no redirection here";
  }

  int redirect(const std::string& more) {
    const std::string capture = "pid=" + std::to_string(program->pid()) + more;
    const omnilink_redirect_options options{sizeof options, proxy->port(), 0, 0, capture.c_str()};
    const int out = omnilink_redirect(it, &options);
    EXPECT_EQ(out, OMNILINK_OK) << last_error();
    return out;
  }

  std::optional<client> program;
  std::optional<listener> proxy;
};

TEST_F(redirecting_handle, takes_what_meets_the_conditions) {
  const listener other;
  ASSERT_EQ(redirect("&port=443&cidr=203.0.113.0/24"), OMNILINK_OK);
  EXPECT_EQ(program->connect(at("203.0.113.1:443")).system_errno, 0);
  proxy->accept();
  EXPECT_EQ(program->connect(at("203.0.113.1:80"), 1).system_errno, ENETUNREACH);
  EXPECT_EQ(program->connect(at("198.51.100.1:443"), 2).system_errno, ENETUNREACH);
  ASSERT_EQ(redirect("&port=80"), OMNILINK_OK) << "in place of the first";
  EXPECT_EQ(program->connect(at("203.0.113.1:443"), 3).system_errno, ENETUNREACH);
  EXPECT_EQ(program->connect(at("203.0.113.1:80"), 4).system_errno, 0);
  proxy->accept();
  EXPECT_EQ(omnilink_redirect_stop(it), OMNILINK_OK);
  EXPECT_EQ(program->connect(at("203.0.113.1:80"), 5).system_errno, ENETUNREACH);
}

TEST_F(redirecting_handle, is_asked_by_port_flow_and_descriptor) {
  ASSERT_EQ(redirect(""), OMNILINK_OK);
  constexpr std::uint16_t port = 22000;
  const char* sources[]{"127.0.0.1", "127.0.0.2"};
  const core::endpoint targets[]{at("203.0.113.1:443"), at("203.0.113.2:8443")};
  std::vector<io::descriptor> accepted;
  omnilink_destination out = fresh();
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(program->connect(targets[i], i, port, sources[i]).system_errno, 0);
    accepted.push_back(proxy->accept());
  }
  EXPECT_EQ(omnilink_lookup_port(it, port, &out), OMNILINK_E_AMBIGUOUS);
  EXPECT_EQ(out.status, unsigned{OMNILINK_AMBIGUOUS});
  EXPECT_EQ(out.matches, 2u);
  std::uint64_t generation = 0;
  for (int i = 0; i < 2; ++i) {
    const auto fd = accepted[static_cast<std::size_t>(i)].get();
    sockaddr_storage peer{}, own{};
    socklen_t peer_size = sizeof peer, own_size = sizeof own;
    ASSERT_EQ(::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) | ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size), 0);
    for (const bool by_flow : {true, false}) {
      out = fresh();
      const int code = by_flow ? omnilink_lookup_flow(it, reinterpret_cast<sockaddr*>(&peer), peer_size, reinterpret_cast<sockaddr*>(&own), own_size, &out)
                               : omnilink_lookup_fd(it, fd, &out);
      ASSERT_EQ(code, OMNILINK_OK) << last_error();
      EXPECT_EQ(out.status, unsigned{OMNILINK_LIVE});
      EXPECT_EQ(std::string{out.host}, targets[i].address.to_string());
      EXPECT_EQ(out.port, targets[i].port);
      EXPECT_EQ(io::from_sockaddr(out.original), targets[i]);
      EXPECT_EQ(io::from_sockaddr(out.source), (core::endpoint{*core::address::parse(sources[i]), port}));
      EXPECT_EQ(out.pid, static_cast<std::uint32_t>(program->pid()));
      EXPECT_EQ(out.uid, 0u);
      EXPECT_STRNE(out.process, "");
      EXPECT_NE(out.generation, 0u);
      EXPECT_EQ(out.generation == generation, !by_flow) << "the same connection by both, another than the other one";
      generation = out.generation;
    }
  }
  // The socket remembers what the port has forgotten.
  EXPECT_EQ(omnilink_forget(it, port), OMNILINK_OK);
  EXPECT_EQ(omnilink_lookup_port(it, port, &out), OMNILINK_E_NOT_FOUND);
  EXPECT_EQ(omnilink_lookup_fd(it, accepted[0].get(), &out), OMNILINK_OK);
  program->reset(0);
  EXPECT_EQ(omnilink_lookup_fd(it, accepted[0].get(), &out), OMNILINK_OK) << "though the program is gone";

  // Nobody was sent to these.
  const listener other;
  ASSERT_EQ(program->connect({at("127.0.0.1:1").address, proxy->port()}, 2).system_errno, 0);
  EXPECT_EQ(omnilink_lookup_fd(it, proxy->accept().get(), &out), OMNILINK_E_NOT_FOUND);
}

struct event {
  std::uint32_t what;
  std::string host;
  std::uint64_t generation;
  std::uint32_t status;
};

TEST_F(redirecting_handle, tells_of_flows_that_begin_and_end) {
  std::vector<event> events;
  const auto note = [](void* user, std::uint32_t what, const omnilink_destination* flow) {
    static_cast<std::vector<event>*>(user)->push_back({what, flow->host, flow->generation, flow->status});
  };
  ASSERT_EQ(omnilink_on_flow(it, note, &events), OMNILINK_OK);
  ASSERT_EQ(redirect(""), OMNILINK_OK);
  EXPECT_GE(omnilink_events_fd(it), 0);
  EXPECT_EQ(omnilink_dispatch(it, 0), OMNILINK_OK);
  EXPECT_TRUE(events.empty());
  ASSERT_EQ(program->connect(at("203.0.113.1:443")).system_errno, 0);
  io::descriptor accepted = proxy->accept();
  while (events.empty()) ASSERT_EQ(omnilink_dispatch(it, 20000), OMNILINK_OK);
  omnilink_destination out = fresh();
  ASSERT_EQ(omnilink_lookup_fd(it, accepted.get(), &out), OMNILINK_OK);
  io::reset(std::move(accepted));
  while (events.size() < 2) ASSERT_EQ(omnilink_dispatch(it, 20000), OMNILINK_OK);
  for (const auto& one : events) {
    EXPECT_EQ(one.host, "203.0.113.1");
    EXPECT_EQ(one.generation, out.generation);
  }
  EXPECT_EQ(events[0].what, unsigned{OMNILINK_OPENED});
  EXPECT_EQ(events[1].what, unsigned{OMNILINK_ENDED});
  EXPECT_EQ(events[1].status, unsigned{OMNILINK_CLOSED});
  ASSERT_EQ(omnilink_on_flow(it, nullptr, nullptr), OMNILINK_OK);
  program->connect(at("203.0.113.1:443"), 1);
  proxy->accept();
  EXPECT_EQ(omnilink_dispatch(it, 0), OMNILINK_OK);
  EXPECT_EQ(events.size(), 2u);
}

}  // namespace
}  // namespace omnilink::test
