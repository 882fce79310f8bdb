// The built-in callouts, asked by the filter engine.
#include "interceptor/callouts.hpp"

#include <deque>

#include "interceptor/callout_limit.hpp"
#include "tests/filter/setup.hpp"

namespace omnilink::interceptor {
namespace {

using namespace std::chrono_literals;
using filter::action;
using filter::action_kind;
using filter::field_id;
using filter::layer_id;

std::shared_ptr<callout_limit> limit_of(const limit_settings& settings, std::shared_ptr<filter::callout> former = nullptr) {
  return std::dynamic_pointer_cast<callout_limit>(callout_limit::make(settings, std::move(former)));
}

class limits : public filter::three_sublayers {
 protected:
  limits() {
    about.now = core::instant{1h};
    from("192.0.2.1");
  }

  void use(std::shared_ptr<callout_limit> code) {
    limit = std::move(code);
    const bool is_new = filters.state_of("limit") == filter::callout_state::absent;
    if (!is_new) {
      EXPECT_EQ(filters.replace_callout("limit", limit), "");
      return;
    }
    add_callout("limit", limit);
    add({make("limited", action::callout(action_kind::callout_unknown, "limit"), 2), make("rest", action::permit(), 1)});
  }

  void from(const char* address) { known.set(field_id::local_address, *core::address::parse(address)); }

  /// "permit", or "block by limited, hard".
  std::string open(filter::flow& connection) {
    about.flow = &connection;
    const std::string said = in_words(ask());
    about.flow = nullptr;
    return said.substr(0, said.find(" by rest"));
  }
  std::string open() { return open(connections.emplace_back()); }

  std::shared_ptr<callout_limit> limit;
  std::deque<filter::flow> connections;
  static constexpr const char* blocked = "block by limited, hard";
};

TEST_F(limits, connections_at_once_of_each_client) {
  use(limit_of({{field_id::local_address}, 2, 0, 0, 100}));
  EXPECT_EQ(open(), "permit");
  EXPECT_EQ(open(), "permit");
  EXPECT_EQ(open(), blocked);
  from("192.0.2.2");
  EXPECT_EQ(open(), "permit") << "another client";
  from("192.0.2.1");
  connections.front().end();
  connections.front().end();
  EXPECT_EQ(open(connections.front()), "permit") << "one has ended, and is given back once";
  EXPECT_EQ(open(), blocked);
  EXPECT_EQ(limit->keys(), 2u);
  connections.clear();
  EXPECT_EQ(limit->keys(), 0u) << "nobody is kept";
}

TEST_F(limits, a_connection_that_is_asked_about_twice_counts_once) {
  use(limit_of({{}, 1, 1, 0, 100}));
  filter::flow one;
  EXPECT_EQ(open(one), "permit");
  EXPECT_EQ(open(one), "permit");
}

TEST_F(limits, connections_a_second) {
  use(limit_of({{}, 0, 10, 0, 100}));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(open(), "permit");
  EXPECT_EQ(open(), blocked);
  connections.clear();
  EXPECT_EQ(open(), blocked) << "whether or not they have ended";
  about.now += 100ms;
  EXPECT_EQ(open(), "permit");
  EXPECT_EQ(open(), blocked);
}

TEST_F(limits, who_only_asks_is_told_and_counts_for_nothing) {
  use(limit_of({{field_id::local_address}, 1, 2, 0, 100}));
  const auto would = [this] {
    about.explaining = true;
    const auto said = held.now().explain(layer_id::connect_auth_v4, known, about).decision;
    about.explaining = false;
    return in_words(said).substr(0, 5);
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(would(), "permi");
  EXPECT_EQ(limit->keys(), 0u);
  EXPECT_EQ(open(), "permit");
  EXPECT_EQ(would(), "block");
  about.flow = &connections.front();
  EXPECT_EQ(would(), "permi") << "of this one, which is counted";
  about.flow = nullptr;
  connections.clear();
  EXPECT_EQ(open(), "permit");
  connections.clear();
  EXPECT_EQ(would(), "block") << "two a second";
}

TEST_F(limits, ipv6_clients_by_their_64_and_unknown_values_together) {
  use(limit_of({{field_id::local_address, field_id::host}, 1, 0, 0, 100}));
  from("2001:db8::1");
  EXPECT_EQ(open(), "permit");
  from("2001:db8::2");
  EXPECT_EQ(open(), blocked);
  from("2001:db8:0:1::2");
  EXPECT_EQ(open(), "permit");
  known.set(field_id::host, "a.example");
  EXPECT_EQ(open(), "permit");
}

TEST_F(limits, keys_are_bounded_and_who_finds_no_place_shares_one) {
  use(limit_of({{field_id::local_port}, 1, 0, 0, 16}));
  int permitted = 0;
  for (std::uint64_t port = 0; port < 1000; ++port) {
    known.set(field_id::local_port, port);
    permitted += open() == "permit";
  }
  EXPECT_LE(limit->keys(), 16u);
  EXPECT_LE(permitted, 32) << "one each, and one of all others in each part of the table";
  EXPECT_GE(permitted, 17);
  connections.clear();
  EXPECT_EQ(limit->keys(), 0u);
}

TEST_F(limits, keys_that_nobody_needs_make_place) {
  use(limit_of({{field_id::local_port}, 0, 1, 0, 16}));
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t port = 0; port < 200; ++port) {
      known.set(field_id::local_port, port + static_cast<std::uint64_t>(round) * 1000);
      open();
    }
    EXPECT_LE(limit->keys(), 16u);
    connections.clear();
    about.now += 10s;
  }
  known.set(field_id::local_port, std::uint64_t{60000});
  EXPECT_EQ(open(), "permit");
  EXPECT_LE(limit->keys(), 16u);
}

TEST_F(limits, other_settings_go_on_counting_and_the_same_ones_change_nothing) {
  const limit_settings one{{field_id::local_address}, 1, 0, 0, 100}, two{{field_id::local_address}, 2, 0, 0, 100};
  use(limit_of(one));
  EXPECT_EQ(limit_of(one, limit), limit);
  EXPECT_EQ(open(), "permit");
  use(limit_of(two, limit));
  EXPECT_EQ(open(), "permit");
  EXPECT_EQ(open(), blocked);
  use(limit_of(one, limit));
  EXPECT_EQ(open(), blocked);
  connections.pop_front();
  EXPECT_EQ(open(), blocked) << "the other one is still there";
  connections.clear();
  EXPECT_EQ(open(), "permit");
  EXPECT_EQ(open(), blocked);
}

TEST_F(limits, bytes_are_counted_together_and_outlive_the_limit) {
  use(limit_of({{field_id::local_address}, 0, 0, 4096, 100}));
  filter::flow a, b;
  EXPECT_EQ(open(a), "permit");
  EXPECT_EQ(open(b), "permit");
  ASSERT_EQ(a.limits_up().size(), 1u);
  EXPECT_EQ(a.limits_up()[0], b.limits_up()[0]);
  EXPECT_NE(a.limits_up()[0], a.limits_down()[0]);
  EXPECT_EQ(filters.unregister_callout("limit"), filter::engine::unregistered::busy);
  limit.reset();
  a.end();
  b.end();
  EXPECT_EQ(filters.unregister_callout("limit"), filter::engine::unregistered::done);
  EXPECT_EQ(a.limits_up()[0]->burst(), 1024u);
}

class sniffing : public filter::three_sublayers {
 protected:
  sniffing() {
    add_callout("names", make_callout({"names", sniff_settings{250ms}}, nullptr, {}));
    filter::filter f = make("f", action::callout(action_kind::callout_inspection, "names"));
    f.layer = layer_id::stream;
    add({f});
    known.set(field_id::remote_address, core::address::v4(0xc0000201));
    about.flow = &connection;
    about.way = filter::stream_way::to_target;
  }

  filter::decision say(std::string_view begin) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(begin.data());
    return held.now().classify(layer_id::stream, known, about, {data, begin.size()});
  }

  filter::flow connection;
};

TEST_F(sniffing, waits_for_a_name_and_decides_nothing) {
  EXPECT_EQ(say("").need_more, 1u);
  EXPECT_EQ(say("GET / HTTP/1.1\r\n").wait, 250ms);
  EXPECT_EQ(connection.sniffed_name, "");
  const auto said = say("GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
  EXPECT_EQ(in_words(said), "none");
  EXPECT_EQ(said.need_more, 0u);
  EXPECT_EQ(connection.sniffed_name, "www.example.org");
}

TEST_F(sniffing, has_nothing_to_do_where_there_is_a_name_or_no_connection) {
  EXPECT_EQ(say("SSH-2.0-x\r\n").need_more, 0u);
  known.set(field_id::host, "example.org");
  EXPECT_EQ(say("").need_more, 0u);
  known = {};
  about.explaining = true;
  EXPECT_EQ(say("").need_more, 0u);
}

class logging : public filter::three_sublayers {
 protected:
  logging() {
    io::log_config config;
    config.sink = [this](std::string_view line) { lines.emplace_back(line.substr(line.find(' ') + 1)); };
    io::log::init(config);
    const auto hide = [](const std::string& destination) { return "<" + destination + ">"; };
    add_callout("note", make_callout({"note", log_settings{io::log::level::warn, "seen"}}, nullptr, hide));
    add({make("f", action::callout(action_kind::callout_inspection, "note"))});
    known.set(field_id::local_address, core::address::v4(0xc0000201));
    about.now = core::instant{1h};
  }
  ~logging() override { io::log::shutdown(); }

  void to(std::string_view host) {
    known.set(field_id::host, host).set(field_id::remote_port, std::uint64_t{443});
    EXPECT_EQ(in_words(ask()), "none");
  }

  std::vector<std::string> lines;  // without their time; whole after shutdown()
};

TEST_F(logging, identical_lines_come_once_a_second) {
  for (int i = 0; i < 3; ++i) to("a.example");
  to("b.example");
  held.now().explain(layer_id::connect_auth_v4, known, about);
  about.now += 999ms;
  to("a.example");
  about.now += 1ms;
  to("a.example");
  io::log::shutdown();
  const auto line = [](const char* host, const char* left_out) {
    return "warn callout-log rule=f layer=connect_auth_v4 text=seen source=192.0.2.1 destination=<" + std::string{host} + ":443> left_out=" + left_out;
  };
  EXPECT_EQ(lines, (std::vector<std::string>{line("a.example", "0"), line("b.example", "2"), line("a.example", "1")}));
}

TEST_F(logging, and_all_of_them_not_too_often) {
  for (int i = 0; i < 5000; ++i) to("h" + std::to_string(i) + ".example");
  io::log::shutdown();
  EXPECT_EQ(lines.size(), 100u);
}

TEST(callout_settings, validate_and_places) {
  const auto wrong = [](auto what) { return callout_settings{"c", std::move(what)}.validate(); };
  EXPECT_EQ(wrong(sniff_settings{}), "");
  EXPECT_EQ(wrong(sniff_settings{1ms}), "wait must be 10ms to 10s");
  EXPECT_NE(wrong(limit_settings{}), "");
  EXPECT_EQ(wrong(limit_settings{{}, 1}), "");
  EXPECT_EQ(wrong(limit_settings{{}, 0, 0, 1000}), "bytes_per_second must be 1KiB to 4GiB");
  EXPECT_EQ(wrong(limit_settings{{}, 1, 0, 0, 0}), "keys must be 1 to 1048576");
  EXPECT_EQ(wrong(log_settings{}), "text is missing, or empty");
  EXPECT_EQ(wrong(tag_settings{"a,b"}).substr(0, 15), "tag has a comma");
  for (std::size_t i = 0; i < filter::layers; ++i) {
    const auto at = static_cast<layer_id>(i);
    const auto fits = [at](auto what) { return callout_settings{"c", std::move(what)}.why_not_at(at).empty(); };
    EXPECT_EQ(fits(sniff_settings{}), at == layer_id::stream);
    EXPECT_EQ(fits(limit_settings{}), at == layer_id::connect_auth_v4 || at == layer_id::connect_auth_v6);
    EXPECT_EQ(fits(log_settings{}), at != layer_id::stream);
    EXPECT_EQ(fits(tag_settings{}), at != layer_id::stream);
  }
  EXPECT_EQ((callout_settings{"c", limit_settings{{field_id::uid, field_id::host}, 2, 0, 4096}}.to_string()),
            "limit: 2 connections at once, 4096 bytes a second each way for each uid and host");
}

}  // namespace
}  // namespace omnilink::interceptor
