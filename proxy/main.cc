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
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

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

conf::Checked check_file(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (text) return proxy::check_config(*text);
  return {std::nullopt, {{conf::Problem::Severity::error, {conf::kNowhere, ""}, text.error()}}};
}

const char* word_for(conf::Problem::Severity severity) {
  return severity == conf::Problem::Severity::error ? "error" : "warning";
}

void print_lines(const conf::Checked& checked, const std::string& path) {
  using Severity = conf::Problem::Severity;
  for (const std::string& line : conf::to_lines(checked.problems, Severity::error, path)) {
    std::fprintf(stderr, "%s\n", admin::printable_text(line).c_str());
  }
  for (const std::string& line : conf::to_lines(checked.problems, Severity::warning, path)) {
    std::fprintf(stderr, "%s (warning)\n", admin::printable_text(line).c_str());
  }
  if (checked.config) std::printf("%s: the config is valid\n", path.c_str());
}

/// Fields keep their names; new ones may be added.
void print_json(const conf::Checked& checked, const std::string& path) {
  using Json = nlohmann::ordered_json;
  Json problems = Json::array();
  for (const conf::Problem& one : checked.problems) {
    const auto& [at, key] = one.place;
    const bool placed = at != conf::kNowhere;
    problems.push_back({{"severity", word_for(one.severity)},
                        {"line", placed ? Json(at.line) : Json(nullptr)},
                        {"column", placed ? Json(at.column) : Json(nullptr)},
                        {"key", key.empty() ? Json(nullptr) : Json(key)},
                        {"text", one.what}});
  }
  const Json answer{
      {"file", path}, {"valid", checked.config.has_value()}, {"problems", std::move(problems)}};
  std::puts(answer.dump(-1, ' ', true, Json::error_handler_t::replace).c_str());
}

using PrintProblems = void (*)(const conf::Checked& checked, const std::string& path);

int check(const std::string& path, PrintProblems print) {
  unblock_signals();
  const conf::Checked checked = check_file(path);
  print(checked, path);
  return checked.config ? kDone : kFailed;
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
  bool as_json = false;
  app.add_option("--config", path, "the config file")->type_name("FILE")->capture_default_str();
  auto* const check_flag =
      app.add_flag("--check", only_check, "check the config and exit: 0 if it is valid, else 1");
  app.add_flag("--json", as_json, "with --check: print the problems as JSON")->needs(check_flag);
  app.set_version_flag("--version", "bonedry " BONEDRY_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (only_check) return check(path, as_json ? print_json : print_lines);
  return run(path_of_program(argv[0]), path);
}
