#include "session/ledger.h"

namespace bonedry::session {

const char* to_string(SessionState state) {
  return state == SessionState::live ? "live" : "pending";
}

}  // namespace bonedry::session
