#include "admin/access/rights.h"

#include <algorithm>

namespace bonedry::admin::access {
namespace {

using conf::TokenScope;

bool allows(const TokenScope& scope, const Asked& asked) {
  using Kind = TokenScope::Kind;
  if (scope.kind == Kind::operate || asked.need == Need::anything) return true;
  const bool reads = asked.need == Need::read || asked.need == Need::read_node;
  if (scope.kind == Kind::read) return reads;
  const bool of_node = asked.need == Need::bleed || asked.need == Need::read_node;
  return of_node && asked.node && asked.node->pool == scope.pool && asked.node->name == scope.node;
}

std::string to_text(const std::vector<TokenScope>& scopes) {
  std::string text;
  for (const TokenScope& scope : scopes) text += (text.empty() ? "" : ", ") + to_string(scope);
  return text.empty() ? "nothing" : text;
}

}  // namespace

Result<> Rights::check(const Asked& asked) const {
  const bool allowed = std::ranges::any_of(
      scopes_, [&asked](const TokenScope& scope) { return allows(scope, asked); });
  if (allowed) return Done{};
  const std::string what = asked.command + (asked.node ? " " + asked.node->text() : "");
  if (!token_.empty()) {
    return Failure{"token '" + token_ + "' may not " + what + ": its scope is " + to_text(scopes_)};
  }
  return Failure{"'" + what + "' needs a token; without one the scope is " + to_text(scopes_) +
                 " ([admin] without_token)"};
}

std::string Rights::author(const std::string& user) const {
  return token_.empty() ? user : "token " + token_ + " (" + user + ")";
}

}  // namespace bonedry::admin::access
