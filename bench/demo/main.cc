#include "bench/demo/demo_config.h"
#include "bench/demo/demo_environment.h"
#include "bench/demo/demo_parameters.h"
#include "bench/demo/demo_result.h"
#include "bench/demo/demo_run.h"
#include "bench/demo/loop.h"
#include "bench/demo/store_process.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>

namespace {

using namespace bonedry::demo;

constexpr int kUsageError = 2;
constexpr int kNoStore = 77;  // by which ctest knows that a test was skipped

struct Options {
  std::optional<unsigned> users;
  std::uint64_t seed = 1;
  bool quick = false;
  std::size_t proxies = 1;
  std::string config = "conf/demo.toml";
  std::string proxy;
  std::string shop;
};

std::filesystem::path sibling_program(const char* program) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
}

/// Returns whether all checks passed.
bool run_demo(const Options& options) {
  DemoParameters parameters = options.quick ? quick_demo() : full_demo();
  if (options.users) parameters.behavior.shoppers = *options.users;
  parameters.proxies = options.proxies;
  const ProgramPaths programs{
      options.proxy.empty() ? sibling_program("bonedry") : options.proxy.c_str(),
      options.shop.empty() ? sibling_program("demo-shop") : options.shop.c_str()};
  Loop loop;
  DemoRun demo(loop, programs, DemoConfig(options.config), parameters, options.seed);
  return print_report(demo.run());
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{
      "Bleeds and updates two demo shops behind bonedry, under simulated users, and checks that no "
      "user is affected. Exits with 0 if all checks pass, else with 1; with 77 "
      "if several proxies are wanted, and there is no store for them."};
  app.add_option("--users", options.users, "concurrent users (240; 80 with --quick)")
      ->check(CLI::Range(2U, 5000U));
  app.add_option("--seed", options.seed, "random seed of the users")->capture_default_str();
  app.add_flag("--quick", options.quick, "a shorter run, for tests: about 25 s");
  app.add_option("--proxies", options.proxies,
                 "proxies that are members of one cluster, and meet at a redis-server or "
                 "valkey-server; one is killed, and another one restarted")
      ->check(CLI::Range(1U, 5U))
      ->capture_default_str();
  app.add_option("--config", options.config, "the config of bonedry")->capture_default_str();
  app.add_option("--bonedry", options.proxy,
                 "path of bonedry (default: in the directory of this program)");
  app.add_option("--shop", options.shop,
                 "path of demo-shop (default: in the directory of this program)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;  // --help is an "error" to CLI11
  }
  std::signal(SIGPIPE, SIG_IGN);  // writing to a closed peer then fails with EPIPE
  return run_demo(options) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const NoStoreProgram& error) {
    std::fprintf(stderr, "bonedry-demo: %s\n", error.what());
    return kNoStore;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bonedry-demo: %s\n", error.what());
    return 1;
  }
}
