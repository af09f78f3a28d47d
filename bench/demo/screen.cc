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

std::string format_line(const ScreenState& state) {
  std::string line = format_elapsed(state.elapsed) + "  ";
  for (const ScreenState::Node& node : state.nodes) {
    line += node.name + " " + node.state + " " + node.health + ": " + std::to_string(node.live) +
            " live " + std::to_string(node.pending) + " pending " + std::to_string(node.expected) +
            " true " + std::to_string(node.exchanges_open) + " open | ";
  }
  return line + std::to_string(state.active_users) + " users, " + std::to_string(state.clicks) +
         " clicks, " + std::to_string(state.failed_clicks) + " failed, " +
         std::to_string(state.carts_lost) + " carts lost";
}

/// For pipes and files.
class PlainScreen final : public Screen {
 public:
  PlainScreen(Loop& loop, ScreenStateSource source)
      : source_(std::move(source)), timer_(loop, [this] { print(format_line(source_())); }) {
    timer_.start_repeating(kPlainInterval);
  }

  void log(const std::string& event) override {
    print(format_elapsed(source_().elapsed) + "  * " + event);
  }
  void stop() override { timer_.stop(); }

 private:
  static void print(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }

  ScreenStateSource source_;
  Timer timer_;
};

bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && kind != nullptr && std::string_view(kind) != "dumb";
}

}  // namespace

std::string format_elapsed(Millis elapsed) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%4.1f s", static_cast<double>(elapsed.count()) / 1000);
  return text.data();
}

std::unique_ptr<Screen> make_screen(Loop& loop, ScreenStateSource source) {
  if (is_terminal()) return std::make_unique<TerminalScreen>(loop, std::move(source));
  return std::make_unique<PlainScreen>(loop, std::move(source));
}

}  // namespace bonedry::demo
