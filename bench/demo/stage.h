#pragma once

#include "bench/demo/child.h"
#include "bench/demo/demo_config.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace bonedry::demo {

/// The paths of the programs.
struct Programs {
  std::filesystem::path proxy;
  std::filesystem::path shop;
};

/// One shop and the program that runs it.
struct ShopOnStage {
  unsigned version = 0;
  std::uint16_t port = 0;
  std::unique_ptr<Child> child;  ///< null while it is closed
};

/// The demo's programs and their private directory. All of it is removed with this object, except
/// the directory after a call of `keep_folder`.
class Stage {
 public:
  explicit Stage(Programs programs);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Opens a shop under a new name, or reopens a closed one on its old port. The port of a new one
  /// is known once `shop_listens`.
  void open_shop(const std::string& name, unsigned version);
  /// Checks whether the shop reports that it listens, and on which port.
  [[nodiscard]] bool shop_listens(const std::string& name);
  void close_shop(const std::string& name);
  /// A shop that was opened before.
  [[nodiscard]] const ShopOnStage& shop(const std::string& name) const { return shops_.at(name); }

  /// 0 while it is closed.
  [[nodiscard]] unsigned running_version(const std::string& name) const;

  /// Puts ports and directory into `config` and starts the proxy with it.
  void start_proxy(DemoConfig& config);
  /// Asks the proxy to end; returns whether it did in time.
  bool stop_proxy();

  /// Names a program that should run and does not, and why; empty: all programs run.
  [[nodiscard]] std::string stopped_program();
  /// The proxy's last log lines, for the report of a story that failed.
  [[nodiscard]] std::string proxy_log_tail() const;
  void keep_folder() { keep_folder_ = true; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  [[nodiscard]] std::filesystem::path log_of(const std::string& name) const;

  Programs programs_;
  std::filesystem::path directory_;
  bool keep_folder_ = false;
  std::map<std::string, ShopOnStage> shops_;
  std::unique_ptr<Child> proxy_;
};

}  // namespace bonedry::demo
