#include "interceptor/listener_config.hpp"

#include <gtest/gtest.h>

#include "interceptor/cgroup/hooks.hpp"

namespace omnilink::interceptor {
namespace {

TEST(listener_config, nothing_means_this_machine_alone) {
  struct {
    const char* url;
    const char* shown;
  } const cases[] = {
      {"mixed://", "mixed://127.0.0.1:1080"},
      {"mixed://:8080", "mixed://127.0.0.1:8080"},
      {"socks5://127.0.0.1", "socks5://127.0.0.1:1080"},
      {"http://[::1]:0", "http://[::1]:0"},
      {"tcp://:8080?to=example.org:443", "tcp://127.0.0.1:8080?to=example.org:443"},
      {"tcp://:0?to=[2001:db8::1]:443", "tcp://127.0.0.1:0?to=[2001:db8::1]:443"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_listen_url(c.url);
    ASSERT_TRUE(parsed.has_value()) << c.url << ": " << parsed.error();
    EXPECT_EQ(parsed->to_string(), c.shown);
    EXPECT_EQ(parsed->validate(), "");
  }
}

TEST(listener_config, to_be_reached_from_elsewhere_is_said_aloud) {
  for (const char* url : {"mixed://0.0.0.0", "mixed://[::]:1", "mixed://192.0.2.1", "socks5://0.0.0.0", "http://[::]",
                          "tcp://0.0.0.0:1?to=h:80", "tcp://[::]:1?to=h:80", "redirect://0.0.0.0?port=80",
                          "redirect://[::]?port=80&direction=forward", "mixed://[::ffff:0.0.0.0]"}) {
    EXPECT_NE(parse_listen_url(url)->validate().find("allow_remote = true"), std::string::npos) << url;
  }
  EXPECT_EQ(parse_listen_url("mixed://0.0.0.0?allow_remote=true")->validate(), "");
  EXPECT_NE(parse_listen_url("mixed://0.0.0.0?allow_remote=false")->validate(), "");
}

TEST(listener_config, what_is_refused) {
  struct {
    const char* url;
    const char* why;
  } const cases[] = {
      {"mxied://", "did you mean \"mixed\"?"},
      {"tproxy://:1?prot=80", "did you mean \"port\""},
      {"redirect://:1?prot=80", "did you mean \"port\""},
      {"redirect://:1?port=80,,81", "neither a port nor a range"},
      {"redirect://:1?port=80&fail=maybe", "fail is open or closed"},
      {"cgroup://:1?port=80&deny=ECONNREFUSE", "did you mean \"ECONNREFUSED\"?"},
      {"cgroup://:1?port=80&rewrite=80", "not two ports"},
      {"cgroup://:1?port=80&pid=0", "not the number of a process"},
      {"cgroup://:1?cgroup=a.slice,b.slice", "more than one cgroup"},
      {"tproxy://:1?mark=0x10/0x0f", "neither a number nor number/mask"},
      {"tproxy://:1?mark=ten", "neither a number nor number/mask"},
      {"redirect://:1?source=10.0.0.1/8", "is 10.0.0.0/8 meant?"},
      {"redirect://:1?cgroup=", "no value"},
      {"redirect://:1?cgroup=a,b", "more than one cgroup"},
      {"redirect://:1?port=443&udp=drop", "udp is pass or reject"},
      {"tproxy://?port=80&original_source=yes", "original_source is true or false"},
      {"mixed://:1?udp=reject", "the parameter \"udp\" is unknown"},
      {"mixed://:1?port=80", "the parameter \"port\" is unknown"},
      {"tcp://:1?to=", "no value"},
      {"tcp://?to=h:80", "no usual port"},
      {"tcp://:1?to=h", "to is not host:port"},
      {"tcp://:1?to=h:0", "to is not host:port"},
      {"tcp://:1?to=a%20b:1", "to is not host:port"},
      {"mixed://?to=h:80", "to belongs to a tcp listener"},
      {"mixed://?clients=10.0.0.1/8", "is 10.0.0.0/8 meant?"},
      {"mixed://?clients=10.0.0.0/8,", "is not a network"},
      {"mixed://?client=10.0.0.0/8", "did you mean \"clients\"?"},
      {"mixed://localhost", "not an IP address"},
      {"mixed://me@127.0.0.1", "has no password"},
      {"mixed://m%3Ae:hunter2@127.0.0.1", "cannot hold a colon"},
      {"mixed://?allow_remtoe=true", "did you mean \"allow_remote\"?"},
      {"mixed://?allow_remote=yes", "true or false"},
      {"127.0.0.1:1080", "://"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_listen_url(c.url);
    ASSERT_TRUE(parsed.has_error()) << c.url;
    EXPECT_NE(parsed.error().find(c.why), std::string::npos) << c.url << ": " << parsed.error();
    EXPECT_EQ(parsed.error().find("hunter2"), std::string::npos);
  }
}

TEST(listener_config, a_tproxy_listener_is_on_loopback_whatever_it_takes) {
  for (const char* url : {"tproxy://?port=80", "tproxy://[::1]?port=80&direction=forward", "tproxy://?port=80&direction=in"})
    EXPECT_EQ(parse_listen_url(url)->validate(), "") << url;
  EXPECT_EQ(parse_listen_url("tproxy://?port=80")->to_string(), "tproxy://127.0.0.1:12345");
  EXPECT_NE(parse_listen_url("tproxy://0.0.0.0?port=80&direction=forward&allow_remote=true")->validate().find("listens on 127.0.0.1"), std::string::npos);
  EXPECT_NE(parse_listen_url("tproxy://")->validate().find("capture has no condition"), std::string::npos);
}

TEST(listener_config, who_has_a_login) {
  const auto one = parse_listen_url("socks5://me:p%40ss@127.0.0.1");
  ASSERT_TRUE(one.has_value()) << one.error();
  EXPECT_EQ(one->validate(), "");
  EXPECT_EQ(one->users->find("me")->password.reveal(), "p@ss");
  EXPECT_EQ(one->to_string(), "socks5://127.0.0.1:1080") << "E5";
  EXPECT_EQ(parse_listen_url("http://?auth_file=/etc/users")->auth_file, "/etc/users");
  for (const char* url : {"tcp://me:pw@:1?to=h:80", "tcp://:1?to=h:80&auth_file=/f", "redirect://?port=80&auth_file=/f"})
    EXPECT_NE(parse_listen_url(url)->validate().find("asks nobody for a login"), std::string::npos) << url;
  EXPECT_NE(parse_listen_url("mixed://me:pw@127.0.0.1?auth_file=/f")->validate().find("both a user and auth_file"), std::string::npos);
}

TEST(listener_config, what_each_mechanism_can_tell) {
  struct {
    const char* url;
    const char* why;  // empty: nothing
  } const cases[] = {
      {"redirect://?port=80&exe=/bin/sh", "use a cgroup listener"},
      {"redirect://?port=80&deny=EPERM", "by deny"},
      {"tproxy://?port=80&direction=forward&original_source=true", ""},
      {"tproxy://?port=80&original_source=true", "of direction forward"},
      {"redirect://0.0.0.0?port=80&direction=forward&allow_remote=true&original_source=true", "belongs to a tproxy listener"},
      {"cgroup://", "no condition"},
      {"cgroup://?cgroup=app.slice", ""},
      {"cgroup://[::1]?exe=/usr/bin/curl&process=curl&pid=7&uid=0&port=80,443&rewrite=80:8080", ""},
      {"cgroup://?exe=curl", "absolute path"},
      {"cgroup://?process=sixteen-bytes-...", "1 to 15 bytes"},
      {"cgroup://?port=80&deny=EPERM&rewrite=80:8080", "both deny and rewrite"},
      {"cgroup://?port=80&source=198.51.100.0/24&cidr=203.0.113.1&direction=in", ""},
      {"cgroup://?port=80&direction=forward", "use a redirect or tproxy listener"},
      {"cgroup://?port=80&direction=in&iface=eth0", "leave it out"},
      {"cgroup://?port=80&direction=in&mark=1", "leave it out"},
      {"cgroup://?port=80&direction=in&cgroup=app.slice", "this machine's own programs only"},
      {"cgroup://?port=80&source=198.51.100.0/24", "leave it out"},
      {"cgroup://?port=80&iface=eth0", "leave it out"},
      {"cgroup://0.0.0.0?port=80&allow_remote=true", "listens on 127.0.0.1"},
  };
  for (const auto& c : cases) {
    const auto listener = parse_listen_url(c.url);
    ASSERT_TRUE(listener.has_value()) << c.url << ": " << listener.error();
    const std::string said = listener->validate();
    if (!cgroup::built_in() && listener->kind == listen_kind::cgroup) EXPECT_NE(said.find("OMNILINK_BPF"), std::string::npos);
    else if (*c.why == '\0') EXPECT_EQ(said, "") << c.url;
    else EXPECT_NE(said.find(c.why), std::string::npos) << c.url << ": " << said;
  }
}

TEST(listener_config, a_tcp_listener_needs_its_destination) {
  EXPECT_NE(parse_listen_url("tcp://:8080")->validate().find("?to=host:port"), std::string::npos);
}

// Every rule against a client of each family and in each form.
TEST(listener_config, E6_who_may_connect) {
  struct {
    const char* clients;
    const char* client;
    bool admitted;
  } const cases[] = {
      {"", "198.51.100.7", true},
      {"", "2001:db8::7", true},
      {"198.51.100.0/24", "198.51.100.7", true},
      {"198.51.100.0/24", "::ffff:198.51.100.7", true},
      {"198.51.100.0/24", "198.51.101.7", false},
      {"198.51.100.0/24", "::ffff:198.51.101.7", false},
      {"198.51.100.0/24", "2001:db8::7", false},
      {"198.51.100.0/24", "::198.51.100.7", false},
      {"198.51.100.7", "198.51.100.7", true},
      {"198.51.100.7", "198.51.100.8", false},
      {"::ffff:198.51.100.0/120", "198.51.100.7", true},
      {"::ffff:198.51.100.0/120", "::ffff:198.51.100.7", true},
      {"::ffff:198.51.100.0/120", "198.51.101.7", false},
      {"2001:db8::/32", "2001:db8::7", true},
      {"2001:db8::/32", "2001:db9::7", false},
      {"2001:db8::/32", "198.51.100.7", false},
      {"0.0.0.0/0", "198.51.100.7", true},
      {"0.0.0.0/0", "::ffff:198.51.100.7", true},
      {"0.0.0.0/0", "2001:db8::7", false},
      {"::/0", "2001:db8::7", true},
      {"::/0", "198.51.100.7", false},
      {"::/0", "::ffff:198.51.100.7", false},
      {"10.0.0.0/8,2001:db8::/32", "10.1.2.3", true},
      {"10.0.0.0/8,2001:db8::/32", "2001:db8::7", true},
      {"10.0.0.0/8,2001:db8::/32", "11.1.2.3", false},
  };
  for (const auto& c : cases) {
    const std::string url = *c.clients ? std::string{"mixed://127.0.0.1?clients="} + c.clients : "mixed://127.0.0.1";
    const auto listener = parse_listen_url(url);
    ASSERT_TRUE(listener.has_value()) << url << ": " << listener.error();
    EXPECT_EQ(listener->admits(*core::address::parse(c.client)), c.admitted) << url << " " << c.client;
  }
}

}  // namespace
}  // namespace omnilink::interceptor
