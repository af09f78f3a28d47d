#pragma once

#include "proxy/base/clock.h"

#include <toml++/toml.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bonedry::demo {

/// conf/demo.toml as the demo uses it: one pool of two or more nodes behind one listener. The demo
/// sets ports and directories; everything else is used as the file has it. Every error is a
/// std::runtime_error that names the file.
class DemoConfig {
 public:
  explicit DemoConfig(const std::filesystem::path& file);

  [[nodiscard]] const std::string& pool() const { return pool_; }
  [[nodiscard]] const std::vector<std::string>& nodes() const { return nodes_; }
  [[nodiscard]] const std::string& session_cookie() const { return cookie_; }
  [[nodiscard]] Millis idle_timeout() const { return idle_timeout_; }

  void set_idle_timeout(Millis timeout);
  /// Moves state and admin socket to this directory: several demos may run on one machine.
  void set_directory(const std::filesystem::path& directory);
  /// Listens on free ports of 127.0.0.1, for users and for the dashboard.
  void listen_on_free_ports();
  void set_node_port(const std::string& node, std::uint16_t port);

  [[nodiscard]] std::string admin_socket() const;
  void write(const std::filesystem::path& file) const;

 private:
  /// The value at a path such as "server.state_dir", which the file must have exactly once.
  template <class T>
  [[nodiscard]] T value_at(const char* path) const;
  void replace(const char* path, const std::string& text);

  std::string file_name_;
  toml::table table_;
  std::string pool_;
  std::vector<std::string> nodes_;
  std::string cookie_;
  Millis idle_timeout_{0};
};

}  // namespace bonedry::demo
