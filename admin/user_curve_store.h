#pragma once

#include "admin/user_curves.h"
#include "proxy/base/result.h"

#include <string>
#include <utility>

namespace bonedry::admin {

/// The curves of users on disk, replaced as a whole, but not synced: after a power failure they may
/// be lost. Main thread only.
class UserCurveStore {
 public:
  /// `path`: the file; its directory must exist.
  explicit UserCurveStore(std::string path) : path_(std::move(path)) {}

  /// No file: no curves. The error names the path and the reason. A curve that is not valid is
  /// logged and left out.
  [[nodiscard]] Result<SavedCurves> load() const;
  /// Does not wait for the disk.
  [[nodiscard]] Result<> save(const SavedCurves& curves);

 private:
  std::string path_;
};

}  // namespace bonedry::admin
