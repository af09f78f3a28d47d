#include "admin/access/tokens.h"

namespace bonedry::admin::access {

using Kind = conf::TokenScope::Kind;

Result<Rights> Tokens::rights_of(Peer peer, std::optional<std::string_view> token) const {
  if (!token) return without_token(peer);
  const conf::TokenDigest digest{*token};
  const conf::AdminToken* found = nullptr;
  for (const conf::AdminToken& one : config_.tokens) {
    if (one.digest == digest) found = &one;
  }
  if (found == nullptr) return Failure{std::string("wrong token")};
  return Rights{found->name, found->scopes};
}

Rights Tokens::without_token(Peer peer) const {
  if (peer == Peer::owner) return Rights{{{Kind::operate}}};
  if (peer == Peer::remote) return {};
  switch (config_.without_token) {
    case conf::WithoutToken::operate:
      return Rights{{{Kind::operate}}};
    case conf::WithoutToken::read:
      return Rights{{{Kind::read}}};
    case conf::WithoutToken::none:
      return {};
  }
  return {};
}

}  // namespace bonedry::admin::access
