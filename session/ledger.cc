#include "session/ledger.h"

#include <algorithm>

namespace bonedry::session {

const char* to_string(SessionState state) {
  return state == SessionState::live ? "live" : "pending";
}

Millis complete_after(const conf::Session& config) {
  return std::max(config.idle_timeout, config.pending_timeout);
}

}  // namespace bonedry::session
