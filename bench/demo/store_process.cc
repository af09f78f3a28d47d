#include "bench/demo/store_process.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <vector>

namespace bonedry::demo {
namespace {

std::filesystem::path find_store_program() {
  const char* const path = std::getenv("PATH");
  for (const char* const name : {"valkey-server", "redis-server"}) {
    std::istringstream directories(path == nullptr ? "" : path);
    for (std::string directory; std::getline(directories, directory, ':');) {
      const std::filesystem::path program = std::filesystem::path(directory) / name;
      if (access(program.c_str(), X_OK) == 0) return program;
    }
  }
  throw NoStoreProgram();
}

}  // namespace

NoStoreProgram::NoStoreProgram()
    : std::runtime_error(
          "several proxies meet at a Redis or Valkey server: install redis-server or "
          "valkey-server, or run the demo with --proxies 1") {}

StoreProcess::StoreProcess(const std::filesystem::path& directory)
    : program_(find_store_program()),
      socket_(directory / "store.sock"),
      child_({program_, "--port", "0", "--unixsocket", socket_, "--save", "", "--appendonly", "no",
              "--dir", directory},
             directory / "store.log") {}

}  // namespace bonedry::demo
