#include "actors/sandbox_names.hpp"

#include <utility>

namespace omnilink::actors {

io::task<std::optional<std::string>> name_behind(worker& home, core::address fake) {
  const interceptor_actor who = home.shared.who.interceptor();
  auto asked_for = ask<std::string>(home.questions, who, ask_timeout, name_atom::value, fake);
  auto name = co_await io::join(home.execution.io().get_executor(), std::move(asked_for));
  co_return name;
}

}  // namespace omnilink::actors
