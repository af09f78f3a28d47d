#pragma once

#include "bench/demo/child.h"
#include "bench/demo/demo_config.h"
#include "bench/demo/proxy_process.h"
#include "bench/demo/store_process.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

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

  /// Starts the store at which several proxies meet. Throws NoStoreProgram.
  StoreProcess& start_store();
  /// Adds a proxy, in front of the shops, which must have been started. `directory`: below that of
  /// the demo; empty: itself.
  ProxyProcess& add_proxy(const std::string& name, DemoConfig config,
                          const std::filesystem::path& directory);

  /// Describes the unexpected end of a program; empty: none has ended.
  [[nodiscard]] std::string unexpected_exit();
  /// The proxies' last log lines, for the report of an aborted demo.
  [[nodiscard]] std::string proxy_log_tails() const;
  void keep_directory() { keep_directory_ = true; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  [[nodiscard]] std::filesystem::path shop_log(const std::string& name) const;

  ProgramPaths programs_;
  std::filesystem::path directory_;
  bool keep_directory_ = false;
  std::map<std::string, ShopProcess> shops_;
  std::unique_ptr<StoreProcess> store_;
  std::vector<std::unique_ptr<ProxyProcess>> proxies_;
};

}  // namespace bonedry::demo
