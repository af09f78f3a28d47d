#pragma once

#include "session/affinity.h"
#include "session/value_hash.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace bonedry::session {

/// Sticky mode `learn`: the application's own cookie identifies users, and the session's key is a
/// keyed hash of its value. Traffic is passed on unchanged: nothing is added or removed. A value
/// does not name its node: one that the ledger does not know is that of a new user.
class LearnedAffinity final : public Affinity {
 public:
  LearnedAffinity(const balancer::PoolView& pool, std::span<const std::string> secrets,
                  Ledger& ledger, const Clock& clock);

  [[nodiscard]] Owner owner() const override { return Owner::application; }

 private:
  Found look_up(std::string_view value, SessionBinding& binding, CookieLookup& lookup,
                Instant now) override;
  std::string response_cookie(SessionBinding& binding, std::size_t node,
                              const ResponseCookies& response) override;
  std::string logout_cookie() override { return {}; }

  void ask_for(std::string_view value, SessionInquiry& inquiry);
  /// The node has set another value for a user who has a session, as it does at a login.
  void record_value(SessionBinding& binding, const SetCookieEffect& effect, std::size_t node);
  /// Whether this value, under any of the secrets, is the one of the binding's session.
  [[nodiscard]] bool is_of(const SessionBinding& binding, std::string_view value);

  ValueHash hash_;
};

}  // namespace bonedry::session
