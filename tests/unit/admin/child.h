#pragma once

#include "proxy/base/unique_fd.h"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin::test {

/// bonedryctl as a child of the test, observed without blocking.
class Child {
 public:
  /// The child's stdout and stderr: two pipes, or one terminal of 200 columns.
  enum class Output : std::uint8_t { pipes, terminal };

  /// `environment`: added to "PATH", which is otherwise its only variable ("NAME=value").
  explicit Child(std::vector<std::string> arguments, Output output = Output::pipes,
                 std::vector<std::string> environment = {});
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Reads what has arrived; true once the child has ended and all its output has been read.
  bool ended();
  void signal(int number) const;

  /// -1: killed by a signal, or still running.
  [[nodiscard]] int code() const { return code_.value_or(-1); }
  /// On a terminal, `out` has both streams.
  [[nodiscard]] const std::string& out() const { return out_; }
  [[nodiscard]] const std::string& err() const { return err_; }

 private:
  pid_t pid_ = -1;
  UniqueFd out_fd_;
  UniqueFd err_fd_;
  std::string out_;
  std::string err_;
  std::optional<int> code_;
};

}  // namespace bonedry::admin::test
