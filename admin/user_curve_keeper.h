#pragma once

#include "admin/control_plane.h"
#include "admin/user_curve_store.h"
#include "proxy/base/clock.h"

#include <string>
#include <utility>

namespace bonedry::admin {

/// Saves the curves of a control plane now and then, so that a restart and an upgrade keep them.
/// Only a picture depends on them, so errors are logged, and nothing waits for a save. In standby
/// it writes nothing: another process has the file. Main thread only.
class UserCurveKeeper {
 public:
  static constexpr Millis kPause = std::chrono::seconds{10};

  /// `path`: the file.
  UserCurveKeeper(std::string path, const Clock& clock)
      : store_(std::move(path)), clock_(clock), next_save_(clock.now() + kPause) {}

  /// What was saved by the process before; nothing if the file is damaged.
  [[nodiscard]] SavedCurves load() const;
  /// Saves when the last save is `kPause` ago. Call it several times a second.
  void tick(const ControlPlane& control);
  /// Saves, unless nothing has changed: before another process reads the file.
  void save(const ControlPlane& control);

 private:
  UserCurveStore store_;
  const Clock& clock_;
  Instant next_save_;
  SavedCurves last_saved_;
  std::string last_error_;  // logged once, not every 10 s
};

}  // namespace bonedry::admin
