#include "admin/waits.h"

#include <utility>
#include <vector>

namespace bonedry::admin {

Waits::Id Waits::begin(CheckEnd check_end, std::optional<Millis> timeout, Callback done) {
  std::optional<Instant> until;
  if (timeout) until = clock_.now() + *timeout;
  waits_.emplace(next_, Wait{std::move(check_end), until, std::move(done)});
  return next_++;
}

std::optional<WaitEnd> Waits::end_of(const Wait& wait) const {
  if (const auto end = wait.check_end()) return end;
  if (wait.until && clock_.now() >= *wait.until) return WaitEnd::timed_out;
  return std::nullopt;
}

void Waits::complete_finished() {
  std::vector<std::pair<Id, WaitEnd>> ended;
  for (const auto& [id, wait] : waits_) {
    if (const auto end = end_of(wait)) ended.emplace_back(id, *end);
  }
  for (const auto& [id, end] : ended) {
    const auto found = waits_.find(id);  // a callback may have cancelled another's wait
    if (found == waits_.end()) continue;
    const Callback done = std::move(found->second.done);
    waits_.erase(found);
    done(end);
  }
}

}  // namespace bonedry::admin
