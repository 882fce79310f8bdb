// The questions: where did it want to go, and who may know.
#include <nlohmann/json.hpp>
#include <thread>

#include "io/address.hpp"
#include "tests/actors/query_rig.hpp"

namespace omnilink::test {
namespace {

using nlohmann::json;

wire::nat_question erasure(const core::endpoint& source, std::uint64_t generation = 0) {
  wire::nat_question out;
  out.what = wire::nat_question::kind::erase;
  out.source = source;
  out.generation = generation;
  return out;
}

std::optional<wire::nat_answer> announce(const std::string& path, const wire::nat_announcement& what) {
  const auto fd = connect_unix(path, SOCK_SEQPACKET);
  if (!fd || !send_message(fd.get(), wire::encode(what))) return {};
  return receive_answer(fd.get());
}

TEST_F(query, finds_a_live_flow_by_source_port_tuple_and_descriptor) {
  const auto fd = tunnel(omnilink_.listener(), origin_.address());
  ASSERT_TRUE(fd);
  wire::nat_question asked = about(fd.get());
  asked.token = 77;
  auto answer = test::query(path_, asked);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->what, status::live);
  EXPECT_EQ(answer->token, 77u);
  EXPECT_EQ(answer->original, core::target{origin_.address()});

  asked.what = wire::nat_question::kind::source_port;
  asked.source.address = {};
  answer = test::query(path_, asked);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->what, status::live);

  asked = about(fd.get());
  asked.what = wire::nat_question::kind::flow;
  asked.local = omnilink_.listener();
  answer = test::query(path_, asked);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->what, status::live);
  asked.local.port ^= 1;
  answer = test::query(path_, asked);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->what, status::miss);
}

TEST_F(query, a_closed_flow_answers_with_its_age_while_it_lingers) {
  auto fd = tunnel(omnilink_.listener(), origin_.address());
  const auto asked = about(fd.get());
  fd.reset();
  std::optional<wire::nat_answer> answer;
  do answer = test::query(path_, asked);
  while (answer && answer->what == status::live);  // until the worker has seen the end
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->what, status::closed);
  EXPECT_EQ(answer->original, core::target{origin_.address()});
}

TEST_F(query, an_unknown_source_is_a_miss_and_nonsense_an_error) {
  wire::nat_question asked;
  asked.source = {core::address::v4(0x7f000001), 9};
  const auto answer = test::query(path_, asked);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->what, status::miss);
  asked.what = wire::nat_question::kind::descriptor;
  asked.source = {};
  const auto without = test::query(path_, asked);
  ASSERT_TRUE(without);
  EXPECT_EQ(without->what, status::error);
}

TEST_F(query, E3_a_flow_exists_only_for_its_own_user_for_root_and_for_who_holds_its_socket) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  constexpr unsigned owner = 1000, stranger = 1001;
  std::optional<wire::nat_answer> own, strange, strange_miss, root;
  io::descriptor fd;
  std::thread{[&] {
    become(owner);
    fd = tunnel(omnilink_.listener(), origin_.address());
    own = test::query(path_, about(fd.get()));
  }}.join();
  std::thread{[&] {
    become(stranger);
    strange = test::query(path_, about(fd.get()));
    wire::nat_question absent;
    absent.source = {core::address::v4(0x7f000001), 9};
    strange_miss = test::query(path_, absent);
  }}.join();
  root = test::query(path_, about(fd.get()));
  ASSERT_TRUE(own && strange && strange_miss && root);
  EXPECT_EQ(own->what, status::live);
  EXPECT_EQ(root->what, status::live);
  EXPECT_EQ(*strange, *strange_miss);  // not one bit tells "not yours" from "not there"
}

// The service runs in this process, so its accepted socket is one of our descriptors.
int accepted_socket_of(int client_fd) {
  for (int fd = 3; fd < 1024; ++fd) {
    if (fd != client_fd && io::peer_address(fd) == io::bound_address(client_fd)) return fd;
  }
  return -1;
}

TEST_F(query, E3_the_holder_of_the_accepted_socket_may_ask_and_one_with_its_addresses_may_not) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  const auto client = tunnel(omnilink_.listener(), origin_.address());
  ASSERT_TRUE(client);
  wire::nat_question asked;
  asked.what = wire::nat_question::kind::descriptor;
  // A UDP socket may have any addresses that TCP uses.
  const io::descriptor forged{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage raw{};
  socklen_t size = io::to_sockaddr(omnilink_.listener(), raw);
  ASSERT_EQ(::bind(forged.get(), reinterpret_cast<sockaddr*>(&raw), size), 0);
  size = io::to_sockaddr(io::bound_address(client.get()), raw);
  ASSERT_EQ(::connect(forged.get(), reinterpret_cast<sockaddr*>(&raw), size), 0);
  std::optional<wire::nat_answer> held, pretended;
  std::thread{[&] {
    become(1001);
    held = test::query(path_, asked, accepted_socket_of(client.get()));
    pretended = test::query(path_, asked, forged.get());
  }}.join();
  ASSERT_TRUE(held && pretended);
  EXPECT_EQ(held->what, status::live);
  EXPECT_EQ(pretended->what, status::miss);
}

TEST_F(query, E3_A5_a_closed_flow_is_not_its_ports_next_owners) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  auto client = tunnel(omnilink_.listener(), origin_.address());
  const auto asked = about(client.get());
  const linger reset{1, 0};  // an RST leaves no TIME_WAIT, so the port is free at once
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  client.reset();
  std::optional<wire::nat_answer> answer;
  do answer = test::query(path_, asked);
  while (answer && answer->what == status::live);
  std::optional<wire::nat_answer> strange;
  std::thread{[&] {
    become(1001);
    io::descriptor next{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_storage raw{};
    socklen_t size = io::to_sockaddr(asked.source, raw);
    EXPECT_EQ(::bind(next.get(), reinterpret_cast<sockaddr*>(&raw), size), 0);
    size = io::to_sockaddr(omnilink_.listener(), raw);
    ::connect(next.get(), reinterpret_cast<sockaddr*>(&raw), size);
    strange = test::query(path_, asked);
  }}.join();
  ASSERT_TRUE(strange);
  EXPECT_EQ(strange->what, status::miss);
}

TEST_F(query, E3_A6_a_live_flow_is_not_erased_and_a_closed_one_only_by_who_sees_all) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  io::descriptor fd;
  std::optional<wire::nat_answer> own, strange, root;
  std::thread{[&] {
    become(1000);
    fd = tunnel(omnilink_.listener(), origin_.address());
    own = test::query(path_, erasure(about(fd.get()).source));
  }}.join();
  const auto asked = about(fd.get());
  std::thread{[&] {
    become(1001);
    strange = test::query(path_, erasure(asked.source));
  }}.join();
  root = test::query(path_, erasure(asked.source));
  ASSERT_TRUE(own && strange && root);
  EXPECT_EQ(own->error, wire::nat_error::forbidden);
  EXPECT_EQ(strange->what, status::miss);
  EXPECT_EQ(root->error, wire::nat_error::carried);
  EXPECT_TRUE(echoes(fd.get(), "still there"));
  fd.reset();
  std::optional<wire::nat_answer> answer;
  do answer = test::query(path_, asked);
  while (answer && answer->what == status::live);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->what, status::closed);
  EXPECT_GT(answer->remaining_ms, 0u);
  EXPECT_EQ(test::query(path_, erasure(asked.source, answer->generation + 1))->what, status::miss);
  const auto erased = test::query(path_, erasure(asked.source, answer->generation));
  ASSERT_TRUE(erased);
  EXPECT_EQ(erased->what, status::erased);
  EXPECT_EQ(erased->matches, 1u);
  EXPECT_EQ(test::query(path_, asked)->what, status::miss);
}

TEST_F(query, E3_an_announced_flow_exists_for_its_user_and_only_who_sees_all_announces_and_counts) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  const auto said = announcement(4000, 1000);
  const auto recorded = announce(path_, said);
  ASSERT_TRUE(recorded);
  EXPECT_EQ(recorded->what, status::live);
  EXPECT_EQ(recorded->carrier, wire::nat_carrier::other);
  EXPECT_EQ(recorded->original, said.original);
  EXPECT_EQ(recorded->exe, said.exe);
  EXPECT_GT(recorded->remaining_ms, 0u);
  EXPECT_EQ(announce(path_, said)->generation, recorded->generation);
  wire::nat_question asked;
  asked.source = said.source;
  std::optional<wire::nat_answer> own, strange, announced, counted;
  std::thread{[&] {
    become(1000);
    own = test::query(path_, asked);
    announced = announce(path_, announcement(4001, 1000));
    counted = test::query(path_, kind_of(wire::nat_question::kind::stats));
  }}.join();
  std::thread{[&] {
    become(1001);
    strange = test::query(path_, asked);
  }}.join();
  ASSERT_TRUE(own && strange && announced && counted);
  EXPECT_EQ(own->what, status::live);
  EXPECT_EQ(own->pid, 4711u);
  EXPECT_EQ(strange->what, status::miss);
  EXPECT_EQ(announced->error, wire::nat_error::forbidden);
  EXPECT_EQ(counted->error, wire::nat_error::forbidden);
  const auto stats = test::query(path_, kind_of(wire::nat_question::kind::stats));
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->counters.announced, 1u);
  EXPECT_EQ(stats->counters.live, 0u);
  EXPECT_EQ(stats->counters.inserted, 1u);
  EXPECT_EQ(test::query(path_, erasure(said.source))->what, status::erased);
  EXPECT_EQ(test::query(path_, asked)->what, status::miss);
}

TEST_F(query, one_user_cannot_keep_the_others_out) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to be several users";
  std::vector<io::descriptor> idle;
  std::thread{[&] {
    become(1001);
    for (int i = 0; i < 100; ++i) idle.push_back(connect_unix(path_, SOCK_SEQPACKET));
  }}.join();
  std::optional<wire::nat_answer> other;
  std::thread{[&] {
    become(1002);
    wire::nat_question absent;
    absent.source = {core::address::v4(0x7f000001), 9};
    other = test::query(path_, absent);
  }}.join();
  ASSERT_TRUE(other);
  EXPECT_FALSE(admin(admin_, R"({"verb": "version"})").empty());
}

TEST_F(query, admin_lists_flows_and_connections_and_kills_one) {
  const auto fd = tunnel(omnilink_.listener(), origin_.address());
  ASSERT_TRUE(echoes(fd.get(), "twelve bytes"));
  const json flows = json::parse(admin(admin_, R"({"verb": "nat_list"})"));
  ASSERT_EQ(flows["flows"].size(), 1u);
  EXPECT_EQ(flows["flows"][0]["original"], origin_.address().to_string());
  EXPECT_EQ(json::parse(admin(admin_, R"({"verb": "nat_stats"})"))["live"], 1);
  const json running = json::parse(admin(admin_, R"({"verb": "connections"})"));
  ASSERT_EQ(running["connections"].size(), 1u);
  EXPECT_EQ(running["connections"][0]["up"], 12);
  EXPECT_EQ(running["connections"][0]["phase"], "relay");
  const auto id = running["connections"][0]["id"].get<std::uint64_t>();
  EXPECT_EQ(json::parse(admin(admin_, R"({"verb": "connections_kill", "id": )" + std::to_string(id) + "}"))["killed"], true);
  EXPECT_EQ(receive_end(fd.get()), -ECONNRESET);
  EXPECT_EQ(json::parse(admin(admin_, R"({"verb": "connections_kill", "id": 999999})"))["killed"], false);
  EXPECT_TRUE(json::parse(admin(admin_, "nonsense")).contains("error"));
}

TEST_F(query, flows_are_forgotten_after_their_linger) {
  // A second service with no linger at all: the sweep follows the close.
  auto settings = two_workers();
  temporary_folder other;
  settings.admin_socket = other.path + "/admin.sock";
  settings.nat.linger = core::nanoseconds{0};
  running forgetful{std::move(settings)};
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(tunnel(forgetful.listener(), origin_.address()));
  json stats;
  do stats = json::parse(admin(other.path + "/admin.sock", R"({"verb": "nat_stats"})"));
  while (stats["expired"] != 20);  // ends only when all are gone; a hang is the test's failure
  EXPECT_EQ(stats["live"], 0);
  EXPECT_EQ(stats["closed"], 0);
}

}  // namespace
}  // namespace omnilink::test
