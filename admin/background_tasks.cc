#include "admin/background_tasks.h"

#include <utility>

namespace bonedry::admin {

BackgroundTasks::Id BackgroundTasks::add(std::function<Progress()> piece) {
  tasks_.emplace(next_, std::move(piece));
  return next_++;
}

void BackgroundTasks::tick() {
  auto next = tasks_.upper_bound(last_);
  if (next == tasks_.end()) next = tasks_.begin();
  if (next == tasks_.end()) return;
  last_ = next->first;
  if (next->second() == Progress::done) tasks_.erase(last_);
}

}  // namespace bonedry::admin
