#include "session/ledger.h"

#include <algorithm>
#include <stdexcept>

namespace bonedry::session {

const char* to_string(SessionState state) {
  return state == SessionState::live ? "live" : "pending";
}

NodeSlot Ledger::slot_of(std::string_view node_key) {
  const Result<NodeSlot> slot = claim_slot(node_key);
  if (!slot) throw std::length_error(slot.error());
  return *slot;
}

Millis longest_session(const conf::Session& config) {
  return std::max(config.idle_timeout, config.pending_timeout);
}

}  // namespace bonedry::session
