#pragma once

#include "bench/demo/child.h"

#include <filesystem>
#include <stdexcept>
#include <string>

namespace bonedry::demo {

/// Neither Redis nor Valkey is installed.
class NoStoreProgram : public std::runtime_error {
 public:
  NoStoreProgram();
};

/// A Redis or Valkey server, at which the proxies of a cluster meet. It listens only on a Unix
/// socket, and writes nothing to disk.
class StoreProcess {
 public:
  /// Throws NoStoreProgram.
  explicit StoreProcess(const std::filesystem::path& directory);

  [[nodiscard]] bool is_listening() const { return std::filesystem::exists(socket_); }
  /// As the proxies' config has it.
  [[nodiscard]] std::string url() const { return "unix://" + socket_.string() + "?db=0"; }
  /// "redis-server" or "valkey-server".
  [[nodiscard]] std::string program() const { return program_.filename().string(); }
  [[nodiscard]] Child& child() { return child_; }

 private:
  std::filesystem::path program_;
  std::filesystem::path socket_;
  Child child_;
};

}  // namespace bonedry::demo
