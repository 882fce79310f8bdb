// What would become of this connection? The question of `explain`, as an object of the admin socket.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/endpoint.hpp"

namespace omnilink::wire {

/// What is left empty is unknown.
struct connection_question {
  core::target destination;
  std::string host;  ///< the name that was asked for, where `destination` is an address
  std::optional<core::address> source;
  std::optional<std::uint64_t> source_port, uid, gid, pid, netns;
  std::optional<std::uint64_t> minute;  ///< of the local week, from Monday 00:00
  std::string exe, process, cgroup, interface, listener;
  bool incoming = false;  ///< it comes in: the accept layer is asked first
  bool all = false;  ///< list every filter, however many do not match

  friend bool operator==(const connection_question&, const connection_question&) = default;
};

/// `object` is the whole request; its "verb" is passed over. The error is one line that names the key.
boost::system::result<connection_question, std::string> parse_connection_question(
    const nlohmann::json& object);
/// Adds the question's keys.
void build(const connection_question& question, nlohmann::json& into);

}  // namespace omnilink::wire
