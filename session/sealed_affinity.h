#pragma once

#include "session/affinity.h"
#include "session/sealed_cookie.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bonedry::session {

/// Sticky mode `insert`: users have a cookie of our own, sealed. A known session costs one look-up
/// and no cryptography; a genuine cookie that the ledger does not know still names its node.
class SealedAffinity final : public Affinity {
 public:
  SealedAffinity(const balancer::PoolView& pool, std::span<const std::string> secrets,
                 Ledger& ledger, const Clock& clock);

  [[nodiscard]] Owner owner() const override { return Owner::proxy; }

 private:
  Found look_up(std::string_view value, Visit& visit, ProofBudget& budget, Instant now) override;
  std::string welcome(Visit& visit, std::size_t node, const Answer& answer) override;
  /// For a later answer that clears the application's cookie: which one it was.
  void note_given(const Visit& visit, const Answer& answer);
  std::string farewell() override { return clearing_; }

  Found verify(std::string_view value, CookieCheck check, Ledger::Miss miss, Visit& visit,
               Instant now);
  void note_stranger(std::string_view value) override;
  Found adopt_or_end(const CookieContent& content, CookieCheck check, Visit& visit, Instant now);
  /// Whether cookies may come for this node that the ledger ought to know and does not.
  [[nodiscard]] bool incomplete(const balancer::NodeView& view, Instant judged) const;
  /// "name=value; Path=/; …" for a visit that is on a node; the ledger is told of it. Attributes
  /// are computed anew each time, whatever the client sent.
  std::string set_cookie(Visit& visit, std::size_t node);

  CookieSealer sealer_;
  std::unordered_map<NodeKey, std::size_t> nodes_;  // under every secret
  std::vector<NodeKey> node_keys_;                  // what new cookies say, by node index
  std::string attributes_;
  std::string clearing_;  // the Set-Cookie that takes our cookie from the user
};

}  // namespace bonedry::session
