#include "actors/forwarder.hpp"

#include <boost/asio/post.hpp>
#include <stdexcept>

#include "actors/accept_loop.hpp"

namespace omnilink::actors {

forwarder::behavior_type forwarder::make_behavior() {
  return {
      [this](listen_atom, const listening_ptr& from) { accept_from(home_, *from); },
      [this](drain_atom) {
        stop_accepting(home_);
        home_.drain();
        // Those that were just taken off the queue begin their trips first.
        boost::asio::post(home_.execution.io(), [&home = home_] { home.tell_if_drained(); });
      },
      [this](kill_atom) { home_.kill_all(core::errc::shutting_down); },
      [this](kill_atom, std::uint64_t id) {
        const auto found = home_.connections.find(id);
        if (found == home_.connections.end()) return false;
        home_.kill(found->second, core::errc::canceled);
        return true;
      },
      [this](list_atom) { return home_.list(); },
      [](fault_atom) { throw std::runtime_error{"injected fault"}; },
  };
}

}  // namespace omnilink::actors
