#include "actors/admin_http.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <nlohmann/json.hpp>

#include "actors/admin_reply.hpp"
#include "actors/administration.hpp"
#include "actors/asker_session.hpp"
#include "actors/control.hpp"
#include "io/accept.hpp"
#include "io/listen.hpp"
#include "io/log.hpp"
#include "wire/admin_http.hpp"

namespace omnilink::actors {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
// Callers at once, whose requests are a line and some fields, without a body, and come and are answered within a time.
constexpr std::size_t callers_max = 16;
constexpr std::uint32_t header_max = 8192;
constexpr std::chrono::seconds call_timeout{10};
// Out of descriptors: callers wait, nothing spins.
constexpr std::chrono::milliseconds no_descriptor_pause{100};

using http_request = http::request<http::empty_body>;
using http_response = http::response<http::string_body>;

http_response http_answer(unsigned status, std::string body, std::string_view type = "application/json") {
  http_response out{static_cast<http::status>(status), 11};
  out.set(http::field::content_type, beast::string_view{type.data(), type.size()});
  out.set(http::field::cache_control, "no-store");
  out.set("X-Content-Type-Options", "nosniff");
  out.body() = std::move(body);
  out.keep_alive(false);
  out.prepare_payload();
  return out;
}

unsigned status_of(administration::outcome::kind what) noexcept {
  using kind = administration::outcome::kind;
  return what == kind::done ? 200 : what == kind::missing ? 404 : what == kind::refused ? 409 : 503;
}

std::string_view field_of(const http_request& from, http::field name) noexcept {
  const auto value = from[name];
  return {value.data(), value.size()};
}

bool holds_token(const http_request& from, const core::secret& token) noexcept {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view said = field_of(from, http::field::authorization);
  return said.size() > scheme.size() && beast::iequals({said.data(), scheme.size()}, {scheme.data(), scheme.size()}) && wire::is_token(token, said.substr(scheme.size()));
}

}  // namespace

struct admin_http::impl : std::enable_shared_from_this<admin_http::impl> {
  explicit impl(control& center) : home{center}, acceptor{center.execution.io()} {}

  std::string open() {
    const auto& wanted = home.settings->config.admin_http;
    if (!wanted) return {};
    auto made = io::open_listeners(*wanted, 1);
    if (made.has_error()) return "[admin] http: " + made.error();
    where = io::bound_address(made->front().get());
    names = {where->to_string(), "localhost:" + std::to_string(where->port)};
    boost::system::error_code wrong;
    const auto family = wanted->address.is_v6() ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
    acceptor.assign(family, made->front().release(), wrong);
    if (wrong) return "[admin] http: " + wrong.message();
    asio::co_spawn(home.execution.io(), accept(shared_from_this()), asio::detached);
    return {};
  }

  static asio::awaitable<void> accept(std::shared_ptr<impl> self) {
    while (self->acceptor.is_open()) {
      const auto [error] = co_await self->acceptor.async_wait(asio::ip::tcp::acceptor::wait_read, plain_result);
      if (error || !self->acceptor.is_open()) break;
      io::accepted one = io::accept_one(self->acceptor.native_handle());
      if (one.exhausted) {
        asio::steady_timer pause{self->home.execution.io(), no_descriptor_pause};
        co_await pause.async_wait(plain_result);
      }
      if (!one.socket) continue;
      if (self->callers.size() >= callers_max) {
        io::log::at_most_once_a_second(io::log::level::warn, "admin-http-callers-limit");
        continue;
      }
      const auto family = self->where->address.is_v6() ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
      asio::ip::tcp::socket socket{self->home.execution.io(), family, one.socket.release()};
      asio::co_spawn(self->home.execution.io(), serve(self, std::move(socket)), asio::detached);
    }
  }

  static asio::awaitable<void> serve(std::shared_ptr<impl> self, asio::ip::tcp::socket socket) {
    beast::tcp_stream stream{std::move(socket)};
    const auto place = self->callers.insert(self->callers.end(), &stream);
    stream.expires_after(call_timeout);
    beast::flat_buffer buffer{header_max + 1024};
    http::request_parser<http::empty_body> parser;
    parser.header_limit(header_max);
    parser.body_limit(std::uint64_t{0});
    const auto [error, size] = co_await http::async_read(stream, buffer, parser, plain_result);
    if (!error && self->is_for_us(parser.get())) {
      http_response out = co_await self->reply(parser.get());
      stream.expires_after(call_timeout);
      co_await http::async_write(stream, out, plain_result);
    }
    self->callers.erase(place);
  }

  bool is_for_us(const http_request& asked) const {
    const bool one_host = asked.count(http::field::host) == 1 && asked.count(http::field::origin) <= 1;
    const bool has_origin = asked.find(http::field::origin) != asked.end();
    const auto fetch_site = asked["Sec-Fetch-Site"];
    const wire::admin_caller who{field_of(asked, http::field::host), has_origin ? "any" : "", {fetch_site.data(), fetch_site.size()}};
    const bool ours = one_host && wire::admits(who, names);
    if (!ours) io::log::at_most_once_a_second(io::log::level::warn, "admin-http-refused", {{"reason", "its Host is not this service's, or a web page sent it"}});
    return ours;
  }

  asio::awaitable<http_response> reply(const http_request& asked) {
    if (!holds_token(asked, home.settings->config.admin_token)) {
      io::log::at_most_once_a_second(io::log::level::warn, "admin-http-refused", {{"reason", "without the token"}});
      http_response out = http_answer(401, reply_error("send the token: Authorization: Bearer …"));
      out.set(http::field::www_authenticate, "Bearer");
      co_return out;
    }
    const auto method = asked.method_string(), target = asked.target();
    const auto call = wire::parse_admin_call({method.data(), method.size()}, {target.data(), target.size()});
    if (call.has_error()) {
      http_response out = http_answer(call.error().status, reply_error(call.error().reason));
      if (!call.error().allow.empty()) out.set(http::field::allow, call.error().allow);
      co_return out;
    }
    if (call->answered_as == wire::admin_call::form::health) co_return health();
    administration all{home};
    if (call->answered_as == wire::admin_call::form::metrics) {
      std::string document = co_await all.metrics_document();
      co_return http_answer(200, std::move(document), "text/plain; version=0.0.4; charset=utf-8");
    }
    administration::outcome came = co_await all.act(call->request);
    co_return http_answer(status_of(came.what), std::move(came.reply));
  }

  http_response health() const {
    const bool takes = home.now == control::phase::running;
    return http_answer(takes ? 200 : 503, ::omnilink::actors::reply(nlohmann::json{{"status", takes ? "running" : "ending"}}));
  }

  void stop() noexcept {
    boost::system::error_code ignored;
    acceptor.close(ignored);
    for (beast::tcp_stream* one : callers) one->close();
    where.reset();
  }

  control& home;
  asio::ip::tcp::acceptor acceptor;
  std::optional<core::endpoint> where;
  std::vector<std::string> names;  // by which we may be called
  std::list<beast::tcp_stream*> callers;
};

admin_http::admin_http(control& home) : impl_{std::make_shared<impl>(home)} {}

admin_http::~admin_http() { stop(); }

std::string admin_http::open() { return impl_->open(); }

std::optional<core::endpoint> admin_http::where() const { return impl_->where; }

void admin_http::stop() noexcept { impl_->stop(); }

}  // namespace omnilink::actors
