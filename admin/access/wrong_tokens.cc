#include "admin/access/wrong_tokens.h"

#include "admin/printable.h"

#include <spdlog/spdlog.h>

namespace bonedry::admin::access {

void WrongTokens::add(const std::string& user) {
  ++count_;
  const Instant now = clock_.now();
  if (logged_ && now - *logged_ < kLogInterval) return;
  logged_ = now;
  spdlog::warn("admin: a wrong token from {}; {} since the start", printable(user), count_);
}

}  // namespace bonedry::admin::access
