#pragma once

#include "bench/demo/admin_client.h"
#include "bench/demo/demo_config.h"
#include "bench/demo/loop.h"
#include "bench/demo/monitor.h"
#include "bench/demo/plot.h"
#include "bench/demo/population.h"
#include "bench/demo/record.h"
#include "bench/demo/screen.h"
#include "bench/demo/stage.h"
#include "bench/demo/town.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace bonedry::demo {

/// Bleeds one node after the other from beginning to end, while users shop. The code reads like the
/// story; while it waits, the event loop runs and the users shop.
class Story {
 public:
  Story(Loop& loop, Programs programs, DemoConfig config, const Plot& plot, std::uint64_t seed);

  /// May be called once. Throws std::runtime_error only when nothing could be started at all.
  [[nodiscard]] Record play();

 private:
  // The acts of the story.
  void open_shops();
  void open_front_door();
  void let_people_in();
  void bleed(const std::string& node);
  void wait_until_dry(const std::string& node);
  void update(const std::string& node);
  void put_back(const std::string& node);
  void end();
  void clear_the_stage();

  // Helpers. They handle events meanwhile, and throw when the story cannot continue.
  void wait_until(const std::function<bool()>& condition, Millis limit, const std::string& what);
  void rest(Millis duration);
  AdminAnswer ask(const std::string& command);
  AdminAnswer order(const std::string& command);
  [[nodiscard]] std::string version_in(const std::string& node);
  void check_troubles();

  [[nodiscard]] std::string key(const std::string& node) const;
  [[nodiscard]] NodeStatus status_of(const std::string& node) const;
  void tell(const std::string& line) { screen_->say(line); }
  void break_off(const std::string& why);
  [[nodiscard]] Scene scene() const;
  [[nodiscard]] Scene::Node scene_of(const std::string& node) const;

  Loop& loop_;
  Plot plot_;
  DemoConfig config_;
  EndSignals signals_;
  Stage stage_;
  Random random_;
  Tally tally_;
  Truth truth_;
  Record record_;
  Instant begun_;
  std::string act_ = "the shops open";
  std::optional<SharedState> town_;
  std::unique_ptr<AdminClient> admin_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<Population> people_;
  std::unique_ptr<Screen> screen_;
};

}  // namespace bonedry::demo
