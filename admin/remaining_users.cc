#include "admin/remaining_users.h"

namespace bonedry::admin {

std::string to_text(const RemainingUsers& left) {
  const std::string sessions =
      std::to_string(left.live) + " live and " + std::to_string(left.pending) + " pending sessions";
  if (left.exchanges_open <= 0) return sessions;
  const std::string exchanges = std::to_string(left.exchanges_open) + " open exchange" +
                                (left.exchanges_open == 1 ? "" : "s");
  return left.live + left.pending == 0 ? exchanges : sessions + ", " + exchanges;
}

std::string why_not_dry(const std::string& node, const RemainingUsers& left,
                        const std::string& blocked_by) {
  if (left.none()) {
    return node + (blocked_by.empty() ? " is not dry yet" : " is not dry: " + blocked_by);
  }
  return node + " still has " + to_text(left);
}

}  // namespace bonedry::admin
