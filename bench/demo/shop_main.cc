#include "bench/demo/loop.h"
#include "bench/demo/shop.h"
#include "bench/demo/shop_server.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

namespace {

int run(int argc, char** argv) {
  std::string name = "alice";
  unsigned release = 1;
  std::uint16_t port = 0;
  CLI::App app{"A small demo shop that keeps its customers' carts in memory"};
  app.add_option("--port", port, "port on 127.0.0.1; 0: any free port")->capture_default_str();
  app.add_option("--name", name, "name of the shop")->capture_default_str();
  app.add_option("--version", release, "release that the shop reports")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  std::signal(SIGPIPE, SIG_IGN);
  bonedry::demo::Loop loop;
  bonedry::demo::Shop shop(name, release);
  const bonedry::demo::ShopServer server(loop, shop, port);
  std::printf("%s, release %u, listening on 127.0.0.1:%u\n", name.c_str(), release,
              unsigned{server.port()});
  std::fflush(stdout);
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "demo-shop: %s\n", error.what());
    return 1;
  }
}
