#pragma once

#include "admin/ctl/admin_request.h"
#include "admin/ctl/background.h"
#include "admin/roll/roll.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <optional>
#include <string>
#include <vector>

namespace bonedry::ctl {

/// Holds a roll in the proxy: nobody else runs it for as long as this exists. The proxy may be
/// restarted or upgraded meanwhile; then the roll is taken again with the same token.
class RollHold final : public Background {
 public:
  /// `line`: the command that takes the roll.
  RollHold(ProxyAddress proxy, std::string line)
      : proxy_(std::move(proxy)), line_(std::move(line)) {}

  struct Refusal {
    std::string text;
    enum class Cause : std::uint8_t { refused, unreachable } cause = Cause::refused;
  };
  /// Takes the roll; the result is its nodes and how far they are.
  [[nodiscard]] Result<std::vector<admin::RolledNode>, Refusal> begin();

  /// Why the roll is no longer held; nothing: it is, or is about to be taken again.
  [[nodiscard]] const std::optional<Refusal>& lost() const { return lost_; }

  // Background
  [[nodiscard]] int fd() const override { return connection_ ? connection_->fd() : -1; }
  void run() override;
  [[nodiscard]] bool is_over() const override {
    return lost_ && lost_->cause == Refusal::Cause::refused;
  }

 private:
  void connect();
  void on_disconnected(std::string why);

  SystemClock clock_;
  ProxyAddress proxy_;
  std::string line_;
  std::optional<AdminRequest> connection_;
  std::optional<std::vector<admin::RolledNode>> nodes_;  // what the proxy answered first
  std::optional<Instant> disconnected_since_;
  Instant next_attempt_;
  std::optional<Refusal> lost_;
};

}  // namespace bonedry::ctl
