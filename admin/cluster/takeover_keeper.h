#pragma once

#include "admin/cluster/session_sync.h"
#include "admin/cluster/statement.h"
#include "admin/cluster/view.h"

#include <functional>
#include <optional>
#include <string>

namespace bonedry::admin::cluster {

/// Takes over the sessions of members that leave, one member after the other, where it is this
/// member's turn: that of the first by name that can be heard, stays, and has not failed.
///
/// Owned by Cluster, main thread.
class TakeoverKeeper {
 public:
  /// See SessionSync::take_over. The token is what Statement::leaving says.
  using Run = std::function<void(const std::string& name, const std::string& token,
                                 std::function<void(TakeoverEnd)> done)>;
  explicit TakeoverKeeper(Run run) : run_(std::move(run)) {}

  enum class Said : std::uint8_t { same, other };
  /// Goes on with whatever `view` allows. other: what is to be said has changed.
  [[nodiscard]] Said step(const View& view);
  [[nodiscard]] const Takeovers& takeovers() const { return takeovers_; }

 private:
  void begin(const std::string& name, const std::string& token);

  Run run_;
  Takeovers takeovers_;
  Takeovers said_;
};

}  // namespace bonedry::admin::cluster
