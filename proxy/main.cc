#include "conf/loader.h"
#include "proxy/application.h"
#include "proxy/base/bus_error.h"
#include "proxy/base/file.h"
#include "proxy/handover.h"
#include "proxy/predecessor.h"

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>

namespace {

using namespace bonedry;

// What the shell and service managers get; README.md explains them.
constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr const char* kLedgerGone =
    " was truncated while it was in use, or its disk failed: ending. The next start sets it aside; "
    "users are taken back in by their cookies, and no node is dry for its idle_timeout. Whatever "
    "truncated it must leave the files of a running bonedry alone";

enum class Task : std::uint8_t { run, check };

spdlog::level::level_enum level_of(conf::LogLevel level) {
  switch (level) {
    case conf::LogLevel::debug:
      return spdlog::level::debug;
    case conf::LogLevel::info:
      return spdlog::level::info;
    case conf::LogLevel::warn:
      return spdlog::level::warn;
    case conf::LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

void start_log(const conf::Log& config) {
  // stdout may be the access log's.
  spdlog::set_default_logger(spdlog::stderr_color_mt("bonedry"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  spdlog::set_level(level_of(config.level));
  spdlog::flush_on(spdlog::level::debug);
}

/// Every client and every node is a descriptor: take as many as the system lets us.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// The line to the process that has started this one to take over from it, if one has.
UniqueFd line_to_predecessor() {
  const char* const number = std::getenv(proxy::handover::kVariable);
  UniqueFd line{number == nullptr ? -1 : std::atoi(number)};
  unsetenv(proxy::handover::kVariable);
  return line;
}

/// As it was called, so that what lies there when a successor is to be run is what runs.
std::string path_of_program(const char* called) {
  std::error_code unknown;
  const std::filesystem::path name(called);
  const auto path = name.has_parent_path()
                        ? std::filesystem::absolute(name, unknown)
                        : std::filesystem::read_symlink("/proc/self/exe", unknown);
  return unknown ? name.string() : path.string();
}

int run(const std::string& program, const std::string& path, Task task) {
  UniqueFd line = line_to_predecessor();
  Result<std::string> text = read_file(path);
  Result<conf::Loaded> loaded =
      text ? conf::load_text(*text, path) : Result<conf::Loaded>{Failure{text.error()}};
  if (!loaded) {
    std::fprintf(stderr, "%s\n", loaded.error().c_str());
    if (line.is_open()) proxy::Predecessor::decline(std::move(line), loaded.error());
    return kFailed;
  }
  for (const std::string& warning : loaded->warnings) {
    std::fprintf(stderr, "%s (warning)\n", warning.c_str());
  }
  if (task == Task::check) {
    std::printf("%s: the config is valid\n", path.c_str());
    return kDone;
  }
  start_log(loaded->config.log);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  end_on_bus_error(
      "bonedry: the ledger " + loaded->config.server.state_dir + "/ledger" + kLedgerGone, kFailed);
  proxy::Application application({program, path, std::move(*text), std::move(line)},
                                 loaded->config);
  const Outcome started = application.start();
  if (!started) {
    spdlog::error("{}", started.error());
    return kFailed;
  }
  application.run();
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"bonedry: a load balancer that bleeds servers until nobody is on them"};
  std::string path = "/etc/bonedry/bonedry.toml";
  bool check = false;
  app.add_option("--config", path, "the config file")->type_name("FILE")->capture_default_str();
  app.add_flag("--check", check, "validate the config, then exit: 0 when it is valid, else 1");
  app.set_version_flag("--version", "bonedry " BONEDRY_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  try {
    return run(path_of_program(argv[0]), path, check ? Task::check : Task::run);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bonedry: %s\n", error.what());
    return kFailed;
  }
}
