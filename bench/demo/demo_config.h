#pragma once

#include "proxy/base/clock.h"

#include <toml++/toml.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bonedry::demo {

/// conf/demo.toml as the demo uses it: one pool of a few nodes behind one listener. The values of
/// this run (ports, directories) are filled in, the rest is the operator's. Every error is a
/// std::runtime_error that names the file.
class DemoConfig {
 public:
  explicit DemoConfig(const std::filesystem::path& file);

  [[nodiscard]] const std::string& pool() const { return pool_; }
  [[nodiscard]] const std::vector<std::string>& nodes() const { return nodes_; }
  [[nodiscard]] const std::string& session_cookie() const { return cookie_; }
  [[nodiscard]] Millis idle_timeout() const { return idle_timeout_; }

  void set_idle_timeout(Millis timeout);
  /// Moves state and admin socket to this directory, so that several demos can run on one machine.
  void live_in(const std::filesystem::path& directory);
  /// Listens on any free port of 127.0.0.1; `status json` reports which.
  void listen_anywhere();
  void set_node_port(const std::string& node, std::uint16_t port);

  [[nodiscard]] std::string socket() const;
  void write(const std::filesystem::path& file) const;

 private:
  /// The value at a path such as "server.state_dir", which the file must have exactly once.
  template <class T>
  [[nodiscard]] T value_at(const char* path) const;
  void put(const char* path, const std::string& text);

  std::string name_;
  toml::table table_;
  std::string pool_;
  std::vector<std::string> nodes_;
  std::string cookie_;
  Millis idle_timeout_{0};
};

}  // namespace bonedry::demo
