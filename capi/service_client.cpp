#include "capi/service_client.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "core/nearest_word.hpp"
#include "io/error.hpp"
#include "io/socket_paths.hpp"

namespace omnilink::capi {
namespace {

using boost::system::in_place_error;

/// For connect, and for each read and write: a caller is in the middle of a connection.
constexpr std::chrono::seconds patience{1};

bool is_nobody_there(int system_errno) noexcept {
  return system_errno == ENOENT || system_errno == ECONNREFUSED || system_errno == ENOTDIR;
}

}  // namespace

// 0, or errno; 0 with no bytes: the service has closed.
int service_client::exchange(wire::bytes message, int passed, std::span<std::uint8_t> into, std::size_t& size) {
  const int wrong = passed < 0 ? service_.send(message) : service_.send_with(message, passed);
  return wrong != 0 ? wrong : service_.receive(into, size);
}

boost::system::result<wire::nat_answer, problem> service_client::ask(const wire::nat_question& question, int passed) {
  return converse(wire::encode(question), passed);
}

boost::system::result<wire::nat_answer, problem> service_client::announce(const wire::nat_announcement& flow) {
  return converse(wire::encode(flow), -1);
}

boost::system::result<wire::nat_answer, problem> service_client::converse(wire::bytes message, int passed) {
  const std::scoped_lock alone{one_at_a_time_};
  const std::string path = path_.empty() ? io::find_socket("query.sock") : path_;
  // One byte more than an answer: a longer one is not cut to size.
  std::array<std::uint8_t, wire::nat_answer_size + 1> in;
  std::size_t size = 0;
  int wrong = 0;
  // The connection of the last question may be a service's that has ended since.
  for (const bool again : {true, false}) {
    const bool old = service_.fd() >= 0;
    if (!old) wrong = service_.connect(path, io::unix_kind::seqpacket, patience);
    if (wrong == 0) wrong = exchange(message, passed, in, size);
    if (wrong == 0 && size > 0) break;
    service_ = {};
    if (!old || !again) break;
    wrong = 0;
  }
  if (is_nobody_there(wrong)) return wire::nat_answer{};
  const std::string place = core::quoted(path) + ": ";
  if (wrong == EAGAIN) return {in_place_error, core::errc::timed_out, place + "the service does not answer"};
  if (wrong != 0) return {in_place_error, io::to_errc_from_errno(wrong), place + std::generic_category().message(wrong)};
  if (size == 0) return {in_place_error, core::errc::shutting_down, place + "the service has ended"};
  auto answer = wire::decode_nat_answer({in.data(), size});
  if (answer.has_error()) return {in_place_error, core::errc::bad_version, place + "the service is of another version"};
  if (answer->what != wire::nat_answer::status::error) return std::move(*answer);
  if (answer->error == wire::nat_error::busy) return {in_place_error, core::errc::limit_reached, place + "the service has too many questions"};
  if (answer->error == wire::nat_error::forbidden)
    return {in_place_error, core::errc::permission_denied, place + "the service lets only root, its own user and its admin group do that"};
  return {in_place_error, core::errc::internal, place + "the service could not answer"};
}

}  // namespace omnilink::capi
