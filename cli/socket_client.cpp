#include "cli/socket_client.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include "core/nearest_word.hpp"
#include "io/unix_client.hpp"

namespace omnilink::cli {
namespace {

using boost::system::in_place_error;

/// For connect, and for each read and write.
constexpr std::chrono::seconds answer_timeout{5};
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
      return place + "no answer within " + std::to_string(answer_timeout.count()) + " s";
    default:
      return place + std::generic_category().message(system_errno);
  }
}

// Up to the newline, or the end.
int receive_line(io::unix_client& from, std::string& out) {
  std::array<std::uint8_t, 64 * 1024> bytes;
  while (!out.ends_with('\n') && out.size() < reply_max) {
    std::size_t size = 0;
    if (const int wrong = from.receive(bytes, size); wrong != 0) return wrong;
    if (size == 0) return 0;
    out.append(reinterpret_cast<const char*>(bytes.data()), size);
  }
  return 0;
}

// `patient`: however long it takes.
boost::system::result<wire::nat_answer, std::string> next_answer(io::unix_client& service, const std::string& path, bool patient) {
  // One byte more than an answer: a longer one is not cut to size.
  std::array<std::uint8_t, wire::nat_answer_size + 1> in;
  std::size_t size = 0;
  int wrong = EAGAIN;
  do wrong = service.receive(in, size);
  while (patient && wrong == EAGAIN);
  if (wrong != 0) return {in_place_error, describe(path, wrong)};
  if (size == 0) return {in_place_error, core::quoted(path) + ": the service has ended"};
  auto answer = wire::decode_nat_answer({in.data(), size});
  if (answer.has_error()) {
    return {in_place_error,
            core::quoted(path) + ": the answer is of another version of omnilink, or of something else"};
  }
  return std::move(*answer);
}

}  // namespace

boost::system::result<wire::nat_answer, std::string> ask_query(const std::string& path,
                                                               const wire::nat_question& question) {
  io::unix_client service;
  int wrong = service.connect(path, io::unix_kind::seqpacket, answer_timeout);
  if (wrong == 0) wrong = service.send(wire::encode(question));
  if (wrong != 0) return {in_place_error, describe(path, wrong)};
  return next_answer(service, path, false);
}

std::string watch_flows(const std::string& path, const std::function<bool(const wire::nat_answer& event)>& take) {
  io::unix_client service;
  wire::nat_question question;
  question.what = wire::nat_question::kind::subscribe;
  int wrong = service.connect(path, io::unix_kind::seqpacket, answer_timeout);
  if (wrong == 0) wrong = service.send(wire::encode(question));
  if (wrong != 0) return describe(path, wrong);
  auto answer = next_answer(service, path, false);
  if (answer.has_value() && answer->what != wire::nat_answer::status::subscribed)
    return core::quoted(path) + ": the service has too many subscribers, of this user or at all";
  while (answer.has_value()) {
    answer = next_answer(service, path, true);
    if (answer.has_value() && !take(*answer)) return {};
  }
  return answer.error();
}

boost::system::result<nlohmann::json, std::string> ask_admin(const std::string& path,
                                                             const wire::admin_request& request) {
  io::unix_client service;
  const std::string line = wire::build_admin_request(request);
  std::string reply;
  int wrong = service.connect(path, io::unix_kind::stream, answer_timeout);
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
