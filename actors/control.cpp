#include "actors/control.hpp"

namespace omnilink::actors {

control::control(caf::actor_system& sys, numbering& known, interceptor::installer* installs)
    : system{sys},
      execution{sys, "control"},
      deadlines{execution.io().get_executor()},
      resolver{execution.io().get_executor()},
      questions_alive{sys.spawn<asker>(execution, deadlines)},
      questions{*static_cast<asker*>(caf::actor_cast<caf::abstract_actor*>(questions_alive))},
      home{installs},
      numbers{known} {}

control::~control() = default;

}  // namespace omnilink::actors
