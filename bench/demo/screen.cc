#include "bench/demo/screen.h"

#include "bench/demo/terminal_screen.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr Millis kPlainInterval{1000};

std::string figures(const Scene& scene) {
  std::string line = stage_time(scene.elapsed) + "  ";
  for (const Scene::Node& node : scene.nodes) {
    line += node.name + " " + node.state + " " + node.health + ": " + std::to_string(node.live) +
            " live " + std::to_string(node.pending) + " pending " + std::to_string(node.truth) +
            " true " + std::to_string(node.exchanges_open) + " open | ";
  }
  return line + std::to_string(scene.shopping) + " users, " + std::to_string(scene.clicks) +
         " clicks, " + std::to_string(scene.failed_clicks) + " failed, " +
         std::to_string(scene.carts_lost) + " carts lost";
}

/// For pipes and files.
class PlainScreen final : public Screen {
 public:
  PlainScreen(Loop& loop, SceneSource source)
      : source_(std::move(source)), timer_(loop, [this] { print(figures(source_())); }) {
    timer_.start_repeating(kPlainInterval);
  }

  void say(const std::string& line) override {
    print(stage_time(source_().elapsed) + "  * " + line);
  }
  void curtain() override { timer_.stop(); }

 private:
  static void print(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }

  SceneSource source_;
  Timer timer_;
};

bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && kind != nullptr && std::string_view(kind) != "dumb";
}

}  // namespace

std::string stage_time(Millis elapsed) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%4.1f s", static_cast<double>(elapsed.count()) / 1000);
  return text.data();
}

std::unique_ptr<Screen> make_screen(Loop& loop, SceneSource source) {
  if (is_terminal()) return std::make_unique<TerminalScreen>(loop, std::move(source));
  return std::make_unique<PlainScreen>(loop, std::move(source));
}

}  // namespace bonedry::demo
