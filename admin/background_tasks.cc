#include "admin/background_tasks.h"

#include <utility>

namespace bonedry::admin {

BackgroundTasks::Id BackgroundTasks::add(std::function<Progress()> piece) {
  works_.emplace(next_, std::move(piece));
  return next_++;
}

void BackgroundTasks::tick() {
  auto next = works_.upper_bound(last_);
  if (next == works_.end()) next = works_.begin();
  if (next == works_.end()) return;
  last_ = next->first;
  if (next->second() == Progress::done) works_.erase(last_);
}

}  // namespace bonedry::admin
