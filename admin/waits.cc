#include "admin/waits.h"

#include <utility>
#include <vector>

namespace bonedry::admin {

Waits::Id Waits::begin(balancer::NodeId node, std::optional<Millis> timeout, Done done) {
  std::optional<Instant> until;
  if (timeout) until = clock_.now() + *timeout;
  waits_.emplace(next_, Wait{std::move(node), until, std::move(done)});
  return next_++;
}

std::optional<WaitEnd> Waits::end_of(const Wait& wait, const Look& look) const {
  if (const auto end = look(wait.node)) return end;
  if (wait.until && clock_.now() >= *wait.until) return WaitEnd::timed_out;
  return std::nullopt;
}

void Waits::answer(const Look& look) {
  std::vector<std::pair<Id, WaitEnd>> ended;
  for (const auto& [id, wait] : waits_) {
    if (const auto end = end_of(wait, look)) ended.emplace_back(id, *end);
  }
  for (const auto& [id, end] : ended) {
    const auto found = waits_.find(id);  // a callback may have cancelled another's wait
    if (found == waits_.end()) continue;
    const Done done = std::move(found->second.done);
    waits_.erase(found);
    done(end);
  }
}

}  // namespace bonedry::admin
