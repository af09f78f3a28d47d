#pragma once

#include "bench/demo/child.h"
#include "bench/demo/demo_config.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace bonedry::demo {

struct ProgramPaths {
  std::filesystem::path proxy;
  std::filesystem::path shop;
};

/// One shop and the program that runs it.
struct ShopProcess {
  unsigned release = 0;
  std::uint16_t port = 0;
  std::unique_ptr<Child> child;  ///< null while it is stopped
};

/// The demo's programs and their private directory. All of it is removed with this object, except
/// the directory after a call of `keep_directory`.
class DemoEnvironment {
 public:
  explicit DemoEnvironment(ProgramPaths programs);
  ~DemoEnvironment();
  DemoEnvironment(const DemoEnvironment&) = delete;
  DemoEnvironment& operator=(const DemoEnvironment&) = delete;

  /// Starts a shop on any free port, or restarts a stopped one on its old port. The port is known
  /// once `shop_is_listening` has returned true.
  void start_shop(const std::string& name, unsigned release);
  /// Whether the shop has printed that it listens; stores the port.
  [[nodiscard]] bool shop_is_listening(const std::string& name);
  void stop_shop(const std::string& name);
  /// `name` must have been started before.
  [[nodiscard]] const ShopProcess& shop(const std::string& name) const { return shops_.at(name); }
  /// 0 while the shop is stopped.
  [[nodiscard]] unsigned running_release(const std::string& name) const;

  /// Puts ports and directory into `config` and starts the proxy with it.
  void start_proxy(DemoConfig& config);
  /// The URL of the proxy's dashboard; empty: it is not known yet.
  [[nodiscard]] std::string dashboard() const;
  /// Asks the proxy to end; returns whether it did in time.
  bool stop_proxy();

  /// Describes the unexpected end of a program; empty: none has ended.
  [[nodiscard]] std::string unexpected_exit();
  /// The proxy's last log lines, for the report of an aborted demo.
  [[nodiscard]] std::string proxy_log_tail() const;
  void keep_directory() { keep_directory_ = true; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  [[nodiscard]] std::filesystem::path shop_log(const std::string& name) const;

  ProgramPaths programs_;
  std::filesystem::path directory_;
  bool keep_directory_ = false;
  std::map<std::string, ShopProcess> shops_;
  std::unique_ptr<Child> proxy_;
};

}  // namespace bonedry::demo
