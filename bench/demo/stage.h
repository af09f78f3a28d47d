#pragma once

#include "bench/demo/child.h"
#include "bench/demo/demo_config.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace bonedry::demo {

/// Where the programs are.
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

/// The programs of the play and the private folder they live in. All of it goes with this object,
/// except the folder when `keep_folder` was called.
class Stage {
 public:
  explicit Stage(Programs programs);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Opens a shop of a new name, or a closed one again on its old port. The port of a new one is
  /// known once `shop_listens`.
  void open_shop(const std::string& name, unsigned version);
  /// Looks whether the shop says that it listens, and on which port.
  [[nodiscard]] bool shop_listens(const std::string& name);
  void close_shop(const std::string& name);
  /// One that was opened before.
  [[nodiscard]] const ShopOnStage& shop(const std::string& name) const { return shops_.at(name); }

  /// 0 while it is closed.
  [[nodiscard]] unsigned running_version(const std::string& name) const;

  /// Puts ports and folder into `config` and starts the proxy on it.
  void start_proxy(DemoConfig& config);
  /// Asks the proxy to end; returns whether it did in time.
  bool stop_proxy();

  /// Says which program should run and does not, and why; empty: all is well.
  [[nodiscard]] std::string casualty();
  /// What the proxy said last, for the curtain of a play that failed.
  [[nodiscard]] std::string proxy_log_tail() const;
  void keep_folder() { keep_folder_ = true; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  [[nodiscard]] std::filesystem::path log_of(const std::string& name) const;

  Programs programs_;
  std::filesystem::path folder_;
  bool keep_folder_ = false;
  std::map<std::string, ShopOnStage> shops_;
  std::unique_ptr<Child> proxy_;
};

}  // namespace bonedry::demo
