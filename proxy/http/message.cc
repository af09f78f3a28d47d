#include "proxy/http/message.h"

namespace bonedry::http {

std::string reason_of(const Refusal& refusal) {
  std::string reason = refusal.why;
  if (refusal.key[0] != '\0') reason += std::string("; see ") + refusal.key;
  return reason;
}

}  // namespace bonedry::http
