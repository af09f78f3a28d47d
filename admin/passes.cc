#include "admin/passes.h"

#include "session/pass.h"

#include <algorithm>

namespace bonedry::admin {
namespace {

constexpr Millis kStep{1};

}  // namespace

std::string Passes::issue(const balancer::NodeId& node, Millis ttl) {
  WallTime& issued = issued_[node];
  issued = std::max(issued, clock_.wall());
  if (const auto revoked = revocations_.of(node)) issued = std::max(issued, *revoked + kStep);
  return session::PassSealer(secrets_, node.pool).seal(node.name, issued, ttl);
}

Result<> Passes::revoke(const balancer::NodeId& node) {
  PassRevocations next = revocations_;
  next.revoke(node, last_issued(node));
  next.forget_expired(clock_.wall());
  const Result<> saved = store_.save(next);
  if (saved) revocations_ = std::move(next);
  return saved;
}

Result<> Passes::load() {
  Result<PassRevocations> loaded = store_.load();
  if (!loaded) return Failure{loaded.error()};
  revocations_ = std::move(*loaded);
  return Done{};
}

void Passes::distrust(const std::vector<balancer::NodeId>& nodes) {
  for (const balancer::NodeId& node : nodes) revocations_.revoke(node, last_issued(node));
}

WallTime Passes::last_issued(const balancer::NodeId& node) const {
  const auto last = issued_.find(node);
  return last == issued_.end() ? clock_.wall() : std::max(clock_.wall(), last->second);
}

}  // namespace bonedry::admin
