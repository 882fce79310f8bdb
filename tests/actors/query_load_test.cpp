// Many questions, many events, and ports that are used again and again.
#include <cstdlib>
#include <thread>
#include <vector>

#include "io/address.hpp"
#include "tests/actors/query_rig.hpp"

namespace omnilink::test {
namespace {

// Subscribed, as whoever calls.
io::descriptor subscribed(const std::string& path) {
  auto fd = connect_unix(path, SOCK_SEQPACKET);
  if (!fd || !send_message(fd.get(), wire::encode(kind_of(wire::nat_question::kind::subscribe)))) return {};
  const auto answer = receive_answer(fd.get());
  if (!answer || answer->what != status::subscribed) return {};
  return fd;
}

TEST_F(query, E3_a_subscriber_hears_of_the_flows_that_he_may_see_as_they_begin_and_end) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  const auto root = subscribed(path_);
  io::descriptor owner, stranger, fd, other;
  std::thread{[&] {
    become(1000);
    owner = subscribed(path_);
    fd = tunnel(omnilink_.listener(), origin_.address());
  }}.join();
  ASSERT_TRUE(root && owner && fd);
  const auto source = about(fd.get()).source;
  std::thread{[&] {
    become(1001);
    stranger = subscribed(path_);
    fd.reset();
  }}.join();
  for (const auto& subscriber : {root.get(), owner.get()}) {
    for (const status what : {status::opened, status::ended}) {
      const auto event = receive_answer(subscriber);
      ASSERT_TRUE(event);
      EXPECT_EQ(event->what, what);
      EXPECT_EQ(event->source, source);
      EXPECT_EQ(event->original, core::target{origin_.address()});
    }
  }
  // All that a stranger hears is his own, though he subscribed before the other one ended.
  std::thread{[&] {
    become(1001);
    other = tunnel(omnilink_.listener(), origin_.address());
  }}.join();
  ASSERT_TRUE(stranger && other);
  const auto event = receive_answer(stranger.get());
  ASSERT_TRUE(event);
  EXPECT_EQ(event->what, status::opened);
  EXPECT_EQ(event->source, about(other.get()).source);
}

TEST_F(query, a_subscriber_who_does_not_read_is_told_how_much_he_missed_and_holds_up_nobody) {
  constexpr std::uint32_t flows = 4000;
  const auto subscriber = subscribed(path_);
  const auto announcer = connect_unix(path_, SOCK_SEQPACKET);
  ASSERT_TRUE(subscriber && announcer);
  for (std::uint32_t i = 0; i < flows; ++i) {
    ASSERT_TRUE(send_message(announcer.get(), wire::encode(announcement(static_cast<std::uint16_t>(1024 + i), 1000))));
    const auto answer = receive_answer(announcer.get());
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->what, status::live);
  }
  std::uint32_t told = 0, lost = 0;
  while (told + lost < flows) {
    const auto event = receive_answer(subscriber.get());
    ASSERT_TRUE(event) << told << " told, " << lost << " lost";
    if (event->what == status::lost) lost += event->matches;
    else ++told;
  }
  EXPECT_EQ(told + lost, flows);
  EXPECT_GT(lost, 0u);
  EXPECT_GT(told, 1000u);  // a queue of that length at least
}

TEST_F(query, a_pipeline_is_answered_in_its_order) {
  const auto client = tunnel(omnilink_.listener(), origin_.address());
  const auto asker = connect_unix(path_, SOCK_SEQPACKET);
  ASSERT_TRUE(client && asker);
  constexpr std::uint64_t count = 5000;
  std::thread writer{[&] {
    for (std::uint64_t i = 1; i <= count; ++i) {
      wire::nat_question asked = about(client.get());
      asked.token = i;
      if (i % 3 == 0) asked.source.port = static_cast<std::uint16_t>(1 + i % 512);  // either shard; nobody is there
      if (!send_message(asker.get(), wire::encode(asked))) return;
    }
  }};
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto answer = receive_answer(asker.get());
    if (!answer || answer->token != i) {
      ADD_FAILURE() << i;
      break;
    }
    EXPECT_EQ(answer->what, i % 3 == 0 ? status::miss : status::live);
  }
  writer.join();
}

TEST_F(query, a_flood_of_questions_is_told_busy_and_is_no_other_users_trouble) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  auto settings = two_workers();
  temporary_folder other;
  const std::string path = other.path + "/query.sock";
  settings.query_socket = path;
  settings.query_rate = 5;
  running limited{std::move(settings)};
  wire::nat_question absent;
  absent.source = {core::address::v4(0x7f000001), 9};
  int answered = 0, busy = 0;
  std::optional<wire::nat_answer> calm;
  std::thread{[&] {
    become(1001);
    const auto fd = connect_unix(path, SOCK_SEQPACKET);
    for (int i = 0; i < 100; ++i) send_message(fd.get(), wire::encode(absent));
    for (int i = 0; i < 100; ++i) {
      const auto answer = receive_answer(fd.get());
      if (answer && answer->what == status::miss) ++answered;
      if (answer && answer->error == wire::nat_error::busy) ++busy;
    }
  }}.join();
  std::thread{[&] {
    become(1002);
    calm = test::query(path, absent);
  }}.join();
  EXPECT_EQ(answered + busy, 100);
  EXPECT_GE(answered, 5);
  EXPECT_GT(busy, 0);
  ASSERT_TRUE(calm);
  EXPECT_EQ(calm->what, status::miss);
}

// Few ports that are used again at once, each time for another destination: what was asked before is never the answer.
TEST_F(query, A5_port_reuse_gives_no_stale_answer) {
  const char* wanted = std::getenv("OMNILINK_REUSE_CYCLES");  // 50000 in a long run
  const std::uint32_t cycles = wanted ? static_cast<std::uint32_t>(std::stoul(wanted)) : 2000;
  const echo_server everywhere{core::address::v4(0)};
  std::vector<core::endpoint> sources;
  for (int i = 0; i < 8; ++i) {
    const io::descriptor place{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_storage raw{};
    const socklen_t size = io::to_sockaddr({core::address::v4(0x7f000001), 0}, raw);
    ASSERT_EQ(::bind(place.get(), reinterpret_cast<sockaddr*>(&raw), size), 0);
    sources.push_back(io::bound_address(place.get()));
  }
  const auto asker = connect_unix(path_, SOCK_SEQPACKET);
  std::uint32_t stale = 0;
  for (std::uint32_t i = 0; i < cycles; ++i) {
    const core::endpoint source = sources[i % sources.size()];
    const core::target destination{core::endpoint{core::address::v4(0x7f000002 + i), everywhere.address().port}};
    io::descriptor client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const linger reset{1, 0};  // an RST leaves no TIME_WAIT, so the port is free at once
    const int on = 1;
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    ::setsockopt(client.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage raw{};
    socklen_t size = io::to_sockaddr(source, raw);
    ASSERT_EQ(::bind(client.get(), reinterpret_cast<sockaddr*>(&raw), size), 0);
    size = io::to_sockaddr(omnilink_.listener(), raw);
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&raw), size), 0);
    ASSERT_EQ(socks5_connect(client.get(), destination), 0);
    wire::nat_question asked;
    asked.source = source;
    asked.token = i;
    ASSERT_TRUE(send_message(asker.get(), wire::encode(asked)));
    const auto answer = receive_answer(asker.get());
    ASSERT_TRUE(answer);
    if (answer->what != status::live || answer->original != destination || answer->token != i) ++stale;
  }
  EXPECT_EQ(stale, 0u);
  RecordProperty("cycles", static_cast<int>(cycles));
}

}  // namespace
}  // namespace omnilink::test
