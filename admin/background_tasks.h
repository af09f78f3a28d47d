#pragma once

#include <cstdint>
#include <functional>
#include <map>

namespace bonedry::admin {

/// What takes longer than the main loop can be held up: done a piece at a time, one piece of one
/// work a tick, in turn, however many there are. Owned by ControlPlane, main thread only.
class BackgroundTasks {
 public:
  using Id = std::uint64_t;
  enum class Progress : std::uint8_t { more, done };

  /// `piece` is called by `tick`, again and again until it is done.
  Id add(std::function<Progress()> piece);
  /// Not from inside a piece. Of one that is done it does nothing.
  void cancel(Id id) { works_.erase(id); }
  void tick();

 private:
  std::map<Id, std::function<Progress()>> works_;
  Id next_ = 1;
  Id last_ = 0;  // whose turn it was
};

}  // namespace bonedry::admin
