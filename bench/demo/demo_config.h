#pragma once

#include "proxy/base/clock.h"

#include <toml++/toml.h>

#include <cstddef>
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
  /// Ports of 127.0.0.1; 0: any free one.
  struct Ports {
    std::uint16_t users = 0;
    std::uint16_t dashboard = 0;
  };
  void listen_on(Ports ports);
  void set_node_port(const std::string& node, std::uint16_t port);

  /// Makes it the config of one member of a cluster.
  struct Membership {
    std::string name;
    std::size_t members = 0;
    std::string store;   ///< a URL
    std::string secret;  ///< the same for all members
  };
  void join_cluster(const Membership& membership);

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
