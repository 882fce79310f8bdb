#include "cli/socket_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

#include "core/nearest_word.hpp"
#include "io/descriptor.hpp"

namespace omnilink::cli {
namespace {

using boost::system::in_place_error;

/// For connect, and for each read and write.
constexpr timeval answer_timeout{5, 0};
/// The longest listing: wire::admin_list_max entries of some 400 bytes.
constexpr std::size_t reply_max = 64 * 1024 * 1024;

std::string describe(const std::string& path, int system_errno) {
  const std::string place = core::quoted(path) + ": ";
  switch (system_errno) {
    case ENOENT:
    case ECONNREFUSED:
      return place + "no omnilink is running there; start `omnilink run`, or name its socket with --socket";
    case EACCES:
      return place + "permission denied; ask as the user that omnilink runs as, or as root";
    case EAGAIN:
      return place + "no answer within " + std::to_string(answer_timeout.tv_sec) + " s";
    default:
      return place + std::generic_category().message(system_errno);
  }
}

class client {
 public:
  // Errors are errno, 0: none.
  int connect(const std::string& path, int type) {
    sockaddr_un where{};
    if (path.size() >= sizeof where.sun_path) return ENAMETOOLONG;
    where.sun_family = AF_UNIX;
    std::memcpy(where.sun_path, path.c_str(), path.size());
    socket_ = io::descriptor{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    if (!socket_) return errno;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout, sizeof answer_timeout);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &answer_timeout, sizeof answer_timeout);
    return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ? 0 : errno;
  }

  // A question is small: it is sent whole or not at all.
  int send(wire::bytes data) {
    return ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL) < 0 ? errno : 0;
  }

  int receive(std::span<std::uint8_t> into, std::size_t& size) {
    const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
    size = got < 0 ? 0 : static_cast<std::size_t>(got);
    return got < 0 ? errno : 0;
  }

 private:
  io::descriptor socket_;
};

// Up to the newline, or the end.
int receive_line(client& from, std::string& out) {
  std::array<std::uint8_t, 64 * 1024> bytes;
  while (!out.ends_with('\n') && out.size() < reply_max) {
    std::size_t size = 0;
    if (const int wrong = from.receive(bytes, size); wrong != 0) return wrong;
    if (size == 0) return 0;
    out.append(reinterpret_cast<const char*>(bytes.data()), size);
  }
  return 0;
}

}  // namespace

boost::system::result<wire::nat_answer, std::string> ask_query(const std::string& path,
                                                               const wire::nat_question& question) {
  client service;
  // One byte more than an answer: a longer one is not cut to size.
  std::array<std::uint8_t, wire::nat_answer_size + 1> in;
  std::size_t size = 0;
  int wrong = service.connect(path, SOCK_SEQPACKET);
  if (wrong == 0) wrong = service.send(wire::encode(question));
  if (wrong == 0) wrong = service.receive(in, size);
  if (wrong != 0) return {in_place_error, describe(path, wrong)};
  auto answer = wire::decode_nat_answer({in.data(), size});
  if (answer.has_error()) {
    return {in_place_error,
            core::quoted(path) + ": the answer is of another version of omnilink, or of something else"};
  }
  return std::move(*answer);
}

boost::system::result<nlohmann::json, std::string> ask_admin(const std::string& path,
                                                             const wire::admin_request& request) {
  client service;
  const std::string line = wire::build_admin_request(request);
  std::string reply;
  int wrong = service.connect(path, SOCK_STREAM);
  if (wrong == 0) wrong = service.send({reinterpret_cast<const std::uint8_t*>(line.data()), line.size()});
  if (wrong == 0) wrong = receive_line(service, reply);
  if (wrong != 0) return {in_place_error, describe(path, wrong)};
  nlohmann::json document = nlohmann::json::parse(reply, nullptr, false);
  if (!document.is_object())
    return {in_place_error, core::quoted(path) + ": the reply is not JSON; it came from something else"};
  if (const auto error = document.find("error"); error != document.end()) {
    return {in_place_error, error->is_string() ? error->get<std::string>() : error->dump()};
  }
  return {boost::system::in_place_value, std::move(document)};
}

}  // namespace omnilink::cli
