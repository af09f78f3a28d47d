#pragma once

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "proxy/io/read_watcher.h"

#include <functional>
#include <optional>
#include <set>
#include <string>

namespace bonedry::io {

/// Tells when an entry of one of some directories has changed: was written, replaced, removed or
/// given other permissions (inotify(7)). Only a hint that something may be new: what is mounted
/// over a network, or changes behind a symbolic link, may change unnoticed. Loop's thread.
class DirectoryWatch final : private ReadWatcher::Handler {
 public:
  /// `on_change` may be called for several changes at once, and must not destroy this.
  DirectoryWatch(EventLoop& loop, std::function<void()> on_change)
      : loop_(loop), on_change_(std::move(on_change)) {}

  /// From now on watches these directories and no others; one that was replaced by another of the
  /// same name must be given again. Takes one descriptor unless there are none. The error says why
  /// one of them cannot be watched; the others are.
  Result<> watch(const std::set<std::string>& directories);

 private:
  void on_readable() override;
  Result<> open();
  void close();

  EventLoop& loop_;
  std::function<void()> on_change_;
  UniqueFd fd_;
  std::optional<ReadWatcher> watcher_;
  std::set<int> watched_;  // inotify's numbers
};

}  // namespace bonedry::io
