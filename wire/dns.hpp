// DNS for the resolver of intercepted programs (RFC 1035, EDNS by RFC 6891): reads one question, builds its
// answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/endpoint.hpp"
#include "wire/handshake.hpp"

namespace omnilink::wire {

/// A query with room for EDNS options and padding; what resolvers agreed on as a datagram that is never
/// fragmented.
inline constexpr std::size_t dns_query_max = 1232;

enum class dns_rcode : std::uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  not_implemented = 4,
  refused = 5,
};

/// Types and classes that somebody decides about; a query may hold any number.
inline constexpr std::uint16_t dns_type_a = 1;
inline constexpr std::uint16_t dns_type_aaaa = 28;
inline constexpr std::uint16_t dns_class_in = 1;

struct dns_query {
  /// Not no_error: the query is broken or of a kind that is not served; answer it with dns_status(query,
  /// problem).
  dns_rcode problem = dns_rcode::no_error;
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  ///< the header's second word, host order
  /// Without the final dot, in the case that was asked; empty: the root. Dots within a label and bytes that
  /// are not printable ASCII become `\DDD`, so that core::valid_host_name refuses them.
  std::string name;
  std::uint16_t qtype = 0;
  std::uint16_t qclass = 0;
  bool edns = false;  ///< the asker sent an OPT record and gets one back
  std::vector<std::uint8_t>
      question;  ///< the question section as it came, to be echoed; empty: it was not readable
};

/// nullopt: nothing may be answered (no whole header, or itself a response: two servers must not talk in
/// circles).
std::optional<dns_query> parse_dns_query(bytes message);

/// One A or AAAA record, as the query asks for; NODATA where `address` is of the other family or the type is
/// another one.
std::vector<std::uint8_t> dns_answer(const dns_query& query, const core::address& address,
                                     std::uint32_t ttl_seconds);

/// An answer without records; no_error is NODATA.
std::vector<std::uint8_t> dns_status(const dns_query& query, dns_rcode code);

/// Reads one message from a TCP stream (RFC 1035 section 4.2.2) into `out`, which must outlive the script; to
/// be run again for the next one. bad_message: shorter than a header. oversized: longer than dns_query_max.
handshake dns_read_message(std::vector<std::uint8_t>& out);

/// A message with its length in front, for TCP.
std::vector<std::uint8_t> dns_framed(bytes message);

}  // namespace omnilink::wire
