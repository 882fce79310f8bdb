#include "wire/dns.hpp"

#include <algorithm>

#include <array>

#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t name_max = 255;  // RFC 1035 section 2.3.4, length bytes and root included
constexpr std::size_t label_max = 63;
constexpr std::size_t question_max = name_max + 4;
constexpr std::size_t additional_max = 4;  // OPT, and a signature perhaps: nobody sends more with a query
constexpr std::size_t record_size = 12 + 16;
constexpr std::size_t opt_size = 11;
constexpr std::size_t answer_max = header_size + question_max + record_size + opt_size;
constexpr std::uint16_t type_opt = 41;

// The header's second word.
constexpr std::uint16_t flag_response = 0x8000;
constexpr std::uint16_t mask_opcode = 0x7800;
constexpr std::uint16_t flag_truncated = 0x0200;
constexpr std::uint16_t flag_recursion_desired = 0x0100;
constexpr std::uint16_t flag_recursion_available = 0x0080;
constexpr std::uint16_t flag_checking_disabled = 0x0010;

void append_label(std::string& to, bytes label) {
  if (!to.empty()) to += '.';
  for (const std::uint8_t b : label) {
    if (b > 0x20 && b < 0x7f && b != '.' && b != '\\') {
      to += static_cast<char>(b);
    } else {
      to += {'\\', static_cast<char>('0' + b / 100), static_cast<char>('0' + b / 10 % 10),
             static_cast<char>('0' + b % 10)};
    }
  }
}

// False: too long, or a label of another kind. A compression pointer is one: there is nothing before a
// question to point at.
bool read_name(byte_reader& from, std::string& out) {
  for (std::size_t total = 1;;) {
    const std::uint8_t length = from.u8();
    if (from.failed() || length > label_max) return false;
    if (length == 0) return true;
    total += 1 + std::size_t{length};
    if (total > name_max) return false;
    const bytes label = from.take(length);
    if (from.failed()) return false;
    append_label(out, label);
  }
}

bool read_question(byte_reader& from, bytes message, dns_query& out) {
  if (!read_name(from, out.name)) return false;
  out.qtype = from.u16();
  out.qclass = from.u16();
  if (from.failed()) return false;
  const bytes question = message.subspan(header_size, message.size() - header_size - from.left());
  out.question.assign(question.begin(), question.end());
  return true;
}

// OPT has the root as its name; a record of another kind is walked over.
bool read_additional(byte_reader& from, dns_query& out) {
  std::string name;
  if (!read_name(from, name)) return false;
  const std::uint16_t type = from.u16();
  from.take(2 +
            4);  // class and TTL: for OPT the size that the asker takes, which we never come near, and flags
  from.take(from.u16());
  if (from.failed()) return false;
  if (type == type_opt) {
    if (out.edns || !name.empty()) return false;  // RFC 6891 section 6.1.1
    out.edns = true;
  }
  return true;
}

struct answer {
  std::array<std::uint8_t, answer_max> data{};
  byte_writer writer{data};

  answer(const dns_query& query, dns_rcode code, std::uint16_t records) {
    constexpr std::uint16_t kept = mask_opcode | flag_recursion_desired | flag_checking_disabled;
    writer.u16(query.id);
    writer.u16(static_cast<std::uint16_t>(flag_response | (query.flags & kept) | flag_recursion_available |
                                          static_cast<std::uint16_t>(code)));
    writer.u16(query.question.empty() ? 0 : 1);
    writer.u16(records);
    writer.u16(0);
    writer.u16(query.edns ? 1 : 0);
    writer.put(query.question);
  }
  answer(const answer&) = delete;
  answer& operator=(const answer&) = delete;

  std::vector<std::uint8_t> finish(const dns_query& query) {
    if (query.edns) {
      writer.u8(0);
      writer.u16(type_opt);
      writer.u16(dns_query_max);
      writer.u32(0);
      writer.u16(0);
    }
    const bytes all = writer.written();
    return {all.begin(), all.end()};
  }
};

}  // namespace

std::optional<dns_query> parse_dns_query(bytes message) {
  byte_reader from{message};
  dns_query out;
  out.id = from.u16();
  out.flags = from.u16();
  const std::uint16_t questions = from.u16();
  const std::uint16_t answers = from.u16();
  const std::uint16_t authorities = from.u16();
  const std::uint16_t additional = from.u16();
  if (from.failed() || (out.flags & flag_response) != 0) return {};

  if ((out.flags & mask_opcode) != 0) {
    out.problem = dns_rcode::not_implemented;
    return out;
  }
  const auto readable = [&] {
    if (message.size() > dns_query_max || questions != 1 || answers != 0 || authorities != 0) return false;
    if (additional > additional_max || (out.flags & flag_truncated) != 0) return false;
    if (!read_question(from, message, out)) return false;
    for (std::uint16_t i = 0; i < additional; ++i) {
      if (!read_additional(from, out)) return false;
    }
    return from.left() == 0;
  };
  if (!readable()) out.problem = dns_rcode::format_error;
  return out;
}

std::vector<std::uint8_t> dns_answer(const dns_query& query, const core::address& address,
                                     std::uint32_t ttl_seconds) {
  const bool wanted =
      query.qclass == dns_class_in && query.qtype == (address.is_v4() ? dns_type_a : dns_type_aaaa);
  if (!wanted || query.question.empty()) return dns_status(query, dns_rcode::no_error);
  answer out{query, dns_rcode::no_error, 1};
  out.writer.u16(0xc000 | header_size);  // a pointer to the question's name
  out.writer.u16(query.qtype);
  out.writer.u16(dns_class_in);
  out.writer.u32(ttl_seconds);
  if (address.is_v4()) {
    out.writer.u16(4);
    out.writer.put(bytes{address.to_v4()});
  } else {
    out.writer.u16(16);
    out.writer.put(bytes{address.to_v6()});
  }
  return out.finish(query);
}

std::vector<std::uint8_t> dns_status(const dns_query& query, dns_rcode code) {
  return answer{query, code, 0}.finish(query);
}

handshake dns_read_message(std::vector<std::uint8_t>& out) {
  out.clear();
  const bytes length = co_await receive{2};
  const std::size_t size = byte_reader{length}.u16();
  if (size < header_size) co_return errc::bad_message;
  if (size > dns_query_max) co_return errc::oversized;
  const bytes message = co_await receive{size};
  out.assign(message.begin(), message.end());
  co_return errc::ok;
}

std::vector<std::uint8_t> dns_framed(bytes message) {
  std::vector<std::uint8_t> out(2 + message.size());
  out[0] = static_cast<std::uint8_t>(message.size() >> 8);
  out[1] = static_cast<std::uint8_t>(message.size());
  std::copy(message.begin(), message.end(), out.begin() + 2);
  return out;
}

}  // namespace omnilink::wire
