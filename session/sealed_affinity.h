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

/// Sticky mode `insert`: users get a sealed cookie of our own. A known session costs one look-up
/// and no cryptography; a genuine cookie that the ledger does not know still names its node.
class SealedAffinity final : public Affinity {
 public:
  SealedAffinity(const balancer::PoolView& pool, std::span<const std::string> secrets,
                 Ledger& ledger, const Clock& clock);

  [[nodiscard]] Owner owner() const override { return Owner::proxy; }

 private:
  Found look_up(std::string_view value, SessionBinding& binding, CookieLookup& lookup,
                Instant now) override;
  std::string response_cookie(SessionBinding& binding, std::size_t node,
                              const ResponseCookies& response) override;
  /// Remembers which application's cookie was set, for a later response that clears it.
  void note_application_cookie(const SessionBinding& binding, const ResponseCookies& response);
  std::string logout_cookie() override { return clearing_; }

  /// A genuine cookie.
  struct Verified {
    CookieContent content;
    CookieFingerprint fingerprint = 0;
  };
  /// `inquiry`: see CookieLookup; here and below it may be null.
  Found find_verified(const Verified& cookie, Ledger::Miss miss, SessionBinding& binding,
                      SessionInquiry* inquiry, Instant now);
  void ask_for(const Verified& cookie, SessionInquiry* inquiry, Instant now);
  void note_unknown_cookie(std::string_view value) override;
  Found restore_or_end(const Verified& cookie, SessionBinding& binding, SessionInquiry* inquiry,
                       Instant now);
  [[nodiscard]] Millis age_of(const CookieContent& content) const;
  [[nodiscard]] bool may_be_lost(const SessionKey& key, const balancer::NodeView& view,
                                 const SessionInquiry* inquiry, Instant expiry_now) const;
  /// Whether cookies may come for this node whose sessions the ledger should know and does not.
  [[nodiscard]] bool incomplete(const balancer::NodeView& view, Instant expiry_now) const;
  /// Returns "name=value; Path=/; …" for a binding that is on a node, and stores the fingerprint in
  /// the ledger. The attributes do not depend on what the client sent.
  std::string set_cookie(SessionBinding& binding, std::size_t node);

  CookieSealer sealer_;
  std::unordered_map<NodeKey, std::size_t> nodes_;  // under every secret, earlier names included
  std::vector<NodeKey> node_keys_;                  // node keys of new cookies, by node index
  std::string attributes_;
  std::string clearing_;  // the Set-Cookie that removes our cookie from the browser
};

}  // namespace bonedry::session
