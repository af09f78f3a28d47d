#pragma once

#include "session/affinity.h"
#include "session/value_hash.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace bonedry::session {

/// Sticky mode `learn`: users have the application's own cookie, and the session's key is a keyed
/// hash of its value. Nothing is added to the traffic and nothing taken out of it. A value says
/// nothing of its node: one that the ledger does not know is that of a new user.
class LearnedAffinity final : public Affinity {
 public:
  LearnedAffinity(const balancer::PoolView& pool, std::span<const std::string> secrets,
                  Ledger& ledger, const Clock& clock);

  [[nodiscard]] Owner owner() const override { return Owner::application; }

 private:
  Found look_up(std::string_view value, Visit& visit, ProofBudget& budget, Instant now) override;
  std::string welcome(Visit& visit, std::size_t node, const Answer& answer) override;
  std::string farewell() override { return {}; }

  /// The node has given a user who has a session another value, as it does at a login.
  void take_value(Visit& visit, const CookieNews& news, std::size_t node);
  /// Whether the visit's session is that of this value, under any of the secrets.
  [[nodiscard]] bool is_of(const Visit& visit, std::string_view value);

  ValueHash hash_;
};

}  // namespace bonedry::session
