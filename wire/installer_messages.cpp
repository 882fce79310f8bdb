#include "wire/installer_messages.hpp"

#include <algorithm>
#include <string_view>

#include "core/control.hpp"
#include "wire/byte_codec.hpp"

namespace omnilink::wire {
namespace {

// magic, version, kind, payload, zeros up to installer_message_size
constexpr std::uint32_t magic = 0x6f6c6b69;  // "olki"
constexpr std::uint8_t version = 1;
enum class kind : std::uint8_t { request = 1, reply, refusal, go };

constexpr std::uint16_t dns_port = 53;  // of 127.0.0.1 too it leads to the resolver

void put_text(byte_writer& out, std::string_view text, std::size_t limit) {
  std::string clean{text.substr(0, limit)};
  std::replace_if(clean.begin(), clean.end(), core::is_control, '?');
  out.u16(static_cast<std::uint16_t>(clean.size()));
  out.put(clean);
}

std::optional<std::string> take_text(byte_reader& in, std::size_t limit) {
  const std::size_t size = in.u16();
  if (size > limit) return std::nullopt;
  std::string text{as_text(in.take(size))};
  if (std::any_of(text.begin(), text.end(), core::is_control)) return std::nullopt;
  return text;
}

struct encoder {
  byte_writer& out;

  void head(kind what) {
    out.u32(magic);
    out.u8(version);
    out.u8(static_cast<std::uint8_t>(what));
  }
  void operator()(const install_request& m) {
    head(kind::request);
    out.u32(m.workers);
    out.u16(static_cast<std::uint16_t>(m.host_loopback_ports.size()));
    for (const std::uint16_t port : m.host_loopback_ports) out.u16(port);
  }
  void operator()(const install_reply& m) {
    head(kind::reply);
    out.u32(m.workers);
    out.u64(m.netns);
  }
  void operator()(const install_refusal& m) {
    head(kind::refusal);
    out.u16(m.system_errno);
    put_text(out, m.step, max_refusal_step);
    put_text(out, m.message, max_refusal_message);
  }
  void operator()(const install_go&) { head(kind::go); }
};

std::optional<installer_message> decode_request(byte_reader& in) {
  install_request m;
  m.workers = in.u32();
  const std::size_t count = in.u16();
  if (count > max_installer_ports) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) m.host_loopback_ports.push_back(in.u16());
  if (!is_valid(m)) return std::nullopt;
  return m;
}

std::optional<installer_message> decode_reply(byte_reader& in) {
  install_reply m;
  m.workers = in.u32();
  m.netns = in.u64();
  if (m.workers < 1 || m.workers > max_installer_workers) return std::nullopt;
  return m;
}

std::optional<installer_message> decode_refusal(byte_reader& in) {
  const std::uint16_t system_errno = in.u16();
  auto step = take_text(in, max_refusal_step);
  if (!step) return std::nullopt;
  auto message = take_text(in, max_refusal_message);
  if (!message) return std::nullopt;
  return install_refusal{std::move(*step), system_errno, std::move(*message)};
}

std::optional<installer_message> decode_kind(kind what, byte_reader& in) {
  switch (what) {
    case kind::request:
      return decode_request(in);
    case kind::reply:
      return decode_reply(in);
    case kind::refusal:
      return decode_refusal(in);
    case kind::go:
      return install_go{};
  }
  return std::nullopt;
}

}  // namespace

bool is_valid(const install_request& request) noexcept {
  const auto& ports = request.host_loopback_ports;
  return request.workers >= 1 && request.workers <= max_installer_workers &&
         ports.size() <= max_installer_ports &&
         std::none_of(ports.begin(), ports.end(), [](std::uint16_t p) { return p == 0 || p == dns_port; });
}

installer_packet encode(const installer_message& message) {
  installer_packet packet{};
  byte_writer out{packet};
  std::visit(encoder{out}, message);
  return packet;
}

std::optional<installer_message> decode_installer_message(bytes packet) {
  if (packet.size() != installer_message_size) return std::nullopt;
  byte_reader in{packet};
  if (in.u32() != magic || in.u8() != version) return std::nullopt;
  auto message = decode_kind(static_cast<kind>(in.u8()), in);
  if (!message || in.failed()) return std::nullopt;
  const bytes rest = in.take(in.left());
  if (std::any_of(rest.begin(), rest.end(), [](std::uint8_t b) { return b != 0; })) return std::nullopt;
  return message;
}

}  // namespace omnilink::wire
