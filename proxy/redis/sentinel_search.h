#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"
#include "proxy/io/event_loop.h"
#include "proxy/redis/connection.h"
#include "proxy/redis/connector.h"
#include "proxy/redis/settings.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::redis {

/// Asks the sentinels of a set, one after the other, for the address of its primary. Loop's thread.
class SentinelSearch final : private Connection::Owner {
 public:
  /// The error has what is wrong with each of the sentinels.
  using Found = std::function<void(Result<conf::Address>)>;

  /// `settings` are those of a WatchedSet. All references outlive this.
  SentinelSearch(io::EventLoop& loop, const Connector& connector, const Settings& settings,
                 Found found);
  ~SentinelSearch();

  /// Calls `found` once, perhaps before this returns. Begins with another sentinel each time, so
  /// that one which is behind the times does not decide alone. No search may be going on.
  void start();

 private:
  [[nodiscard]] std::optional<std::string> problem_in(const std::string& /*error*/) override {
    return std::nullopt;
  }
  void on_broken(const std::string& why) override;

  void ask_next();
  void ask();
  void on_answer(const Reply& answer);
  void log_in(const std::string& error);
  void drop_connection();

  io::EventLoop& loop_;
  const Connector& connector_;
  const Settings& settings_;
  const WatchedSet& set_;
  const Found found_;
  enum class Login : std::uint8_t { none, sent } login_ = Login::none;
  std::size_t current_ = 0;            // who is asked
  std::size_t asked_ = 0;              // in this search
  std::vector<std::string> problems_;  // of each sentinel
  std::unique_ptr<Connection> connection_;
};

}  // namespace bonedry::redis
