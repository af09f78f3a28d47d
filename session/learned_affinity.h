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
  Found look_up(std::string_view value, SessionBinding& binding, CryptoBudget& budget,
                Instant now) override;
  std::string response_cookie(SessionBinding& binding, std::size_t node,
                              const ResponseCookies& answer) override;
  std::string logout_cookie() override { return {}; }

  /// The node has given a user who has a session another value, as it does at a login.
  void record_value(SessionBinding& binding, const SetCookieEffect& effects, std::size_t node);
  /// Whether the binding's session is that of this value, under any of the secrets.
  [[nodiscard]] bool is_of(const SessionBinding& binding, std::string_view value);

  ValueHash hash_;
};

}  // namespace bonedry::session
