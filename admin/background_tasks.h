#pragma once

#include <cstdint>
#include <functional>
#include <map>

namespace bonedry::admin {

/// Runs work that would block the main loop for too long in pieces. Each tick runs one piece of one
/// task; however many tasks there are, they take turns. Owned by ControlPlane, main thread only.
class BackgroundTasks {
 public:
  using Id = std::uint64_t;
  enum class Progress : std::uint8_t { more, done };

  /// `tick` calls `piece` again and again until it returns `done`.
  Id add(std::function<Progress()> piece);
  /// Must not be called from inside a piece. Does nothing if the task is done.
  void cancel(Id id) { tasks_.erase(id); }
  void tick();

 private:
  std::map<Id, std::function<Progress()>> tasks_;
  Id next_ = 1;
  Id last_ = 0;  // the task that ran last
};

}  // namespace bonedry::admin
