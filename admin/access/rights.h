#pragma once

#include "admin/access/need.h"
#include "balancer/node_id.h"
#include "conf/config.h"
#include "proxy/base/result.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::access {

/// A command, as far as it matters who may give it.
struct Asked {
  std::string command;  ///< "activate", for the error
  Need need = Need::operate;
  std::optional<balancer::NodeId> node = {};  ///< that the command names
};

/// What the sender of a command may do: a value, without the token itself. Nothing by default.
class Rights {
 public:
  Rights() = default;
  /// Of somebody without a token.
  explicit Rights(std::vector<conf::TokenScope> scopes) : scopes_(std::move(scopes)) {}
  Rights(std::string token_name, std::vector<conf::TokenScope> scopes)
      : token_(std::move(token_name)), scopes_(std::move(scopes)) {}

  /// The error, which names the token and its scope, is for the sender.
  [[nodiscard]] Result<> check(const Asked& asked) const;

  /// Who is recorded for a change: "token ci (deploy)"; without a token the user.
  [[nodiscard]] std::string author(const std::string& user) const;

 private:
  std::string token_;  // its name; empty: none was presented
  std::vector<conf::TokenScope> scopes_;
};

}  // namespace bonedry::admin::access
