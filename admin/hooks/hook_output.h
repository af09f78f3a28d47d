#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::admin {

/// Writes the output of a hook to the process log, line by line.
class HookOutput {
 public:
  /// Of one run: what a script that fails has to say. The rest is read, but not logged.
  static constexpr std::size_t kMaxLines = 50;
  /// Of one line: as of any text in the log that somebody else has chosen.
  static constexpr std::size_t kMaxLineBytes = 1024;

  explicit HookOutput(std::string name) : name_(std::move(name)) {}

  void take(std::string_view bytes);
  /// Whether nothing that comes is logged any more.
  [[nodiscard]] bool is_full() const { return lines_ > kMaxLines; }
  /// What came last may have no line end.
  void end();

 private:
  void add(std::string_view part);
  void end_line();

  std::string name_;
  std::string line_;  // the beginning of the current one, at most kMaxLineBytes
  std::size_t lines_ = 0;
};

}  // namespace bonedry::admin
