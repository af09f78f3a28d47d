#pragma once

#include "tests/support/child_process.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::test {

/// Chromium without a window, driven by its DevTools protocol over a pair of pipes. One thread.
class Browser {
 public:
  /// Empty: Chromium is not installed. It is not among the packages for tests: it is large.
  [[nodiscard]] static std::optional<std::string> program();

  explicit Browser(const std::string& program);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  /// Carries out a command of the protocol and returns its result. Throws when it fails, or when
  /// there is no answer within a deadline. `session`: of a page, or "" for the browser itself.
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = {},
                      const std::string& session = "");
  /// A profile of its own, as a private window has one: neither cookies nor connections are shared
  /// with others. For Page.
  [[nodiscard]] std::string new_profile();
  /// The events that have come for this page; each is returned once.
  [[nodiscard]] std::vector<nlohmann::json> take_events(const std::string& session);

 private:
  [[nodiscard]] nlohmann::json read_message(TestTime until);

  TempDir dir_;
  int commands_ = -1;
  int answers_ = -1;
  std::string unread_;
  std::int64_t last_id_ = 0;
  std::deque<nlohmann::json> events_;
  std::unique_ptr<ChildProcess> child_;
};

enum class ColourScheme : std::uint8_t { light, dark };

/// A tab of its own. What it loads and complains about is kept.
class Page {
 public:
  /// `profile`: from Browser::new_profile, or "" for the browser's own.
  explicit Page(Browser& browser, const std::string& profile = "");

  void open(const std::string& url);
  /// The value of a script; waits for a promise. Throws when the script throws.
  [[nodiscard]] nlohmann::json value(const std::string& script);
  void run(const std::string& script) { static_cast<void>(value(script)); }
  /// Waits until the script's value is true; a script that throws counts as false.
  [[nodiscard]] bool becomes_true(const std::string& script, Millis deadline = kDeadline);
  void press(const std::string& key, int key_code);
  void resize(int width, int height);
  void prefer(ColourScheme scheme);
  /// From now on, whatever certificate a server shows is good enough.
  void trust_every_certificate();

  /// Errors and warnings in the console, exceptions, and what a policy has blocked.
  [[nodiscard]] const std::vector<std::string>& complaints();
  void forget_complaints();
  /// The URLs of all requests.
  [[nodiscard]] const std::vector<std::string>& requests();

  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = {});

 private:
  void take_events();

  Browser& browser_;
  std::string session_;
  std::vector<std::string> complaints_;
  std::vector<std::string> requests_;
};

}  // namespace bonedry::test
