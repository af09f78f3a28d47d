#include "bench/demo/demo_config.h"
#include "bench/demo/loop.h"
#include "bench/demo/plot.h"
#include "bench/demo/record.h"
#include "bench/demo/stage.h"
#include "bench/demo/story.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>

namespace {

using namespace bonedry::demo;

constexpr int kUsage = 2;

struct Options {
  std::optional<unsigned> users;
  std::uint64_t seed = 1;
  bool quick = false;
  std::string config = "conf/demo.toml";
  std::string proxy;
  std::string shop;
};

std::filesystem::path beside_us(const char* program) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
}

bool play(const Options& options) {
  Plot plot = options.quick ? quick_plot() : full_plot();
  if (options.users) plot.manners.shoppers = *options.users;
  const Programs programs{options.proxy.empty() ? beside_us("bonedry") : options.proxy.c_str(),
                          options.shop.empty() ? beside_us("demo-shop") : options.shop.c_str()};
  Loop loop;
  Story story(loop, programs, DemoConfig(options.config), plot, options.seed);
  return print_report(story.play());
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{
      "Two demo shops behind bonedry, shoppers in both, and an update of both that no shopper "
      "notices, with its figures live. Exits 0 when every promise was held, else 1."};
  app.add_option("--users", options.users, "shoppers at any time (240; 80 with --quick)")
      ->check(CLI::Range(2U, 5000U));
  app.add_option("--seed", options.seed, "of the shoppers' dice")->capture_default_str();
  app.add_flag("--quick", options.quick, "a shorter story, for tests: about 25 s");
  app.add_option("--config", options.config, "what bonedry runs on")->capture_default_str();
  app.add_option("--bonedry", options.proxy, "the proxy (default: beside this program)");
  app.add_option("--shop", options.shop, "the shop (default: beside this program)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;  // --help is an "error" to CLI11
  }
  std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of that write
  return play(options) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bonedry-demo: %s\n", error.what());
    return 1;
  }
}
