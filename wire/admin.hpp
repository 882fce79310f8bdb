// The admin socket's protocol: one request line `{"verb": "connections_kill", "id": 7}\n`, one JSON document
// as the reply, ended by a newline. Requests are read and built here; replies are built by those who know.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"
#include "wire/connection_question.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

/// A request line with its newline. A request is a verb and a number or two.
inline constexpr std::size_t admin_request_max = 4096;
/// Entries in one reply: `limit` of a listing.
inline constexpr std::uint64_t admin_list_default = 1000;
inline constexpr std::uint64_t admin_list_max = 100000;

enum class admin_verb : std::uint8_t {
  version,   ///< who is there
  nat_list,  ///< limit, cursor
  nat_stats,
  nat_find,    ///< source
  nat_delete,  ///< source
  connections,       ///< limit
  connections_kill,  ///< id
  chains,            ///< how each hop fares
  metrics,           ///< the text of Prometheus, in the reply's "metrics"
  explain,           ///< what would become of the connection that `about` describes
  rules_list,        ///< limit; every filter with its counters
  rules_enable,      ///< id
  rules_disable,     ///< id
  reload,            ///< the configuration file, again
  drain,             ///< no new connections; ends when none is left
  stop,              ///< ends everything now
};

/// "127.0.0.1:40312", "[::1]:40312", or ":40312" for any address with that port.
std::optional<core::endpoint> parse_admin_source(std::string_view text);

/// The verb's word: "nat_list".
std::string_view name_of(admin_verb verb) noexcept;

struct admin_request {
  admin_verb verb = admin_verb::version;
  std::uint64_t id = 0;                      ///< of a connection or filter, at least 1; required where it is taken
  std::uint64_t limit = admin_list_default;  ///< 1 to admin_list_max; optional, for listings
  connection_question about{};               ///< explain only
  core::endpoint source{};                   ///< an unspecified address: of that port; required where it is taken
  std::uint64_t cursor = 0;                  ///< where the last page ended; optional

  friend bool operator==(const admin_request&, const admin_request&) = default;
};

/// `line` is without its newline. The error is one line that names the verb or key, with the nearest known
/// word.
boost::system::result<admin_request, std::string> parse_admin_request(std::string_view line);

/// The line, newline included: the client's role.
std::string build_admin_request(const admin_request& request);

/// Reads one request line; the server's role. `out` and `problem` must outlive the script. oversized: no
/// newline within admin_request_max bytes. bad_message: not a request. In both cases `problem` is the
/// one-line error for the reply.
handshake admin_read_request(admin_request& out, std::string& problem);

}  // namespace omnilink::wire
