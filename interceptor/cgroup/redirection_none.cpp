// In place of redirection.cpp where OMNILINK_BPF is off.
#include "interceptor/cgroup/redirection.hpp"

namespace omnilink::interceptor::cgroup {

struct redirection::state {};

redirection::redirection() = default;
redirection::~redirection() = default;
std::optional<failure> redirection::load(const borrowed_listener&) { return try_load(); }
std::optional<failure> redirection::attach() { return try_load(); }
std::uint16_t redirection::port() const noexcept { return 0; }
void redirection::stop() noexcept {}
redirection::found redirection::from_port(std::uint16_t) const { return {}; }
redirection::found redirection::from(const core::endpoint&) const { return {}; }
boost::system::result<arrival, core::errc> redirection::of(int) const { return core::errc::not_redirected; }
bool redirection::forget(std::uint16_t) const { return false; }
int redirection::listened_fd() const noexcept { return -1; }
int redirection::onward_fd() const noexcept { return -1; }
void redirection::add_listened(std::uint16_t) const {}
int redirection::news_fd() const noexcept { return -1; }
void redirection::hear_news(const listener&) {}

std::optional<failure> why_not_here() { return try_load(); }

}  // namespace omnilink::interceptor::cgroup
