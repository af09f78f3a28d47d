#pragma once

#include "bench/demo/child.h"
#include "bench/demo/demo_config.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace bonedry::demo {

/// One bonedry, with a directory of its own for its config, state, socket and logs. It may have
/// several lives, all at the same addresses.
class ProxyProcess {
 public:
  /// `name`: for messages. `directory` must exist, and be this proxy's alone.
  ProxyProcess(std::string name, std::filesystem::path program, DemoConfig config,
               std::filesystem::path directory);

  void start();
  /// kill -9.
  void kill();
  /// SIGTERM: it ends as soon as its open requests are done.
  void ask_to_end();
  /// Whether it has ended after `ask_to_end`.
  [[nodiscard]] bool has_ended();
  /// Asks it to end; returns whether it did in time.
  bool stop();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string admin_socket() const { return config_.admin_socket(); }
  /// Started, and not ended by the demo.
  [[nodiscard]] bool running() const { return state_ == State::running; }
  /// The URL of its dashboard; empty: it is not known yet.
  [[nodiscard]] std::string dashboard() const;
  /// Describes its unexpected end; empty: it has not ended, or was asked to.
  [[nodiscard]] std::string unexpected_exit();
  /// Its last log lines.
  [[nodiscard]] std::string log_tail() const;

 private:
  enum class State : std::uint8_t { stopped, running, ending };

  [[nodiscard]] std::filesystem::path log_file() const;

  std::string name_;
  std::filesystem::path program_;
  DemoConfig config_;
  std::filesystem::path directory_;
  State state_ = State::stopped;
  unsigned life_ = 0;
  std::unique_ptr<Child> child_;
};

}  // namespace bonedry::demo
