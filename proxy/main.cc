#include "admin/printable.h"
#include "conf/loader.h"
#include "proxy/application.h"
#include "proxy/base/bus_error.h"
#include "proxy/base/file.h"
#include "proxy/base/signals.h"
#include "proxy/base/standard_descriptors.h"
#include "proxy/config_files.h"
#include "proxy/handover.h"
#include "proxy/predecessor.h"
#include "proxy/process_log.h"

#include <CLI/CLI.hpp>
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

// Exit codes; docs/commands.md explains them.
constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr const char* kLedgerGone =
    " was truncated while in use, or its disk failed: exiting. The next start moves it aside; "
    "users keep their nodes by their cookies, and no node is dry for its idle_timeout. Do not "
    "truncate files of a running bonedry";

/// Every client and every connection to a node takes a file descriptor: raises the soft limit to
/// the hard limit.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// The socket to the previous process, if it has started this one to take over.
UniqueFd line_to_predecessor() {
  const char* const number = std::getenv(proxy::handover::kVariable);
  UniqueFd line{number == nullptr ? -1 : std::atoi(number)};
  unsetenv(proxy::handover::kVariable);
  return line;
}

/// The path as it was called, so that an upgrade runs the program that is at this path then.
std::string path_of_program(const char* called) {
  std::error_code unknown;
  const std::filesystem::path name(called);
  const auto path = name.has_parent_path()
                        ? std::filesystem::absolute(name, unknown)
                        : std::filesystem::read_symlink("/proc/self/exe", unknown);
  return unknown ? name.string() : path.string();
}

Result<conf::Loaded> load(const Result<std::string>& text, const std::string& path) {
  if (!text) return Failure{text.error()};
  return proxy::load_config(*text, path);
}

int check(const std::string& path) {
  unblock_signals();
  const Result<conf::Loaded> loaded = load(read_file(path), path);
  if (!loaded) {
    std::fprintf(stderr, "%s\n", admin::printable_text(loaded.error()).c_str());
    return kFailed;
  }
  for (const std::string& warning : loaded->warnings) {
    std::fprintf(stderr, "%s (warning)\n", admin::printable_text(warning).c_str());
  }
  std::printf("%s: the config is valid\n", path.c_str());
  return kDone;
}

int serve(const std::string& program, const std::string& path, proxy::ProcessLog& log) {
  UniqueFd line = line_to_predecessor();
  Result<std::string> text = read_file(path);
  const Result<conf::Loaded> loaded = load(text, path);
  if (!loaded) {
    log.say(loaded.error());
    if (line.is_open()) proxy::Predecessor::decline(std::move(line), loaded.error());
    return kFailed;
  }
  for (const std::string& warning : loaded->warnings) log.say(warning + " (warning)");
  proxy::ProcessLog::set_level(loaded->config.log.level);
  raise_descriptor_limit();
  end_on_bus_error(
      "bonedry: the ledger " + loaded->config.server.state_dir + "/ledger" + kLedgerGone, kFailed);
  proxy::Application application({program, path, std::move(*text), std::move(line)},
                                 loaded->config);
  const Result<> started = application.start();
  if (!started) {
    spdlog::error("{}", started.error());
    return kFailed;
  }
  application.run();
  return kDone;
}

int run(const std::string& program, const std::string& path) {
  std::signal(SIGPIPE, SIG_IGN);
  proxy::ProcessLog log(admin::printable_text);  // standard error may be a pipe that nobody reads
  try {
    return serve(program, path, log);
  } catch (const std::exception& error) {
    log.say(std::string("bonedry: ") + error.what());
    return kFailed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  block_signals();
  CLI::App app{"bonedry: a layer-7 load balancer with server bleeding"};
  std::string path = "/etc/bonedry/bonedry.toml";
  bool only_check = false;
  app.add_option("--config", path, "the config file")->type_name("FILE")->capture_default_str();
  app.add_flag("--check", only_check, "check the config and exit: 0 if it is valid, else 1");
  app.set_version_flag("--version", "bonedry " BONEDRY_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (only_check) return check(path);
  return run(path_of_program(argv[0]), path);
}
