#include "admin/user_curve_keeper.h"

#include <spdlog/spdlog.h>

namespace bonedry::admin {

SavedCurves UserCurveKeeper::load() const {
  Result<SavedCurves> curves = store_.load();
  if (curves) return std::move(*curves);
  spdlog::warn("the curves of the users who are left begin anew: {}", curves.error());
  return {};
}

void UserCurveKeeper::tick(const ControlPlane& control) {
  if (clock_.now() >= next_save_) save(control);
}

void UserCurveKeeper::save(const ControlPlane& control) {
  next_save_ = clock_.now() + kPause;
  if (control.is_standby()) return;
  SavedCurves curves = control.curves();
  if (curves == last_saved_) return;
  const Result<> saved = store_.save(curves);
  if (saved) {
    last_saved_ = std::move(curves);
    last_error_.clear();
  } else if (saved.error() != last_error_) {
    last_error_ = saved.error();
    spdlog::warn("the curves of the users who are left are not saved: {}", last_error_);
  }
}

}  // namespace bonedry::admin
