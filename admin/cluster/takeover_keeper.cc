#include "admin/cluster/takeover_keeper.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::cluster {

namespace {

/// Whether a member of these takeovers has failed to take over what this token names.
bool has_failed(const Takeovers& takeovers, const std::string& name, const std::string& token) {
  const auto found = takeovers.find(name);
  return found != takeovers.end() && found->second.token == token &&
         found->second.state == Takeover::State::failed;
}

/// The member that is to take over what another one leaves; empty: there is none.
std::string successor_of(const View& view, const Takeovers& own, const std::string& name,
                         const std::string& token) {
  for (const std::string& one : view.roster.present()) {
    if (one == name) continue;
    const Statement* const other = view.others.find_audible(one, view.now);
    const bool is_this = one == view.name;
    if (!is_this && (other == nullptr || other->leaving)) continue;
    if (!has_failed(is_this ? own : other->takeovers, name, token)) return one;
  }
  return "";
}

}  // namespace

TakeoverKeeper::Said TakeoverKeeper::step(const View& view) {
  // Whoever has left, or has started again, does not say its token any more.
  std::erase_if(takeovers_, [&](const auto& entry) {
    const HeardMember* const member = view.others.find(entry.first);
    return member == nullptr || member->statement.leaving != entry.second.token;
  });
  const bool busy = std::ranges::any_of(takeovers_, [](const auto& entry) {
    return entry.second.state == Takeover::State::under_way;
  });
  for (const std::string& name : view.roster.present()) {
    const Statement* const other = view.others.find_audible(name, view.now);
    if (busy || other == nullptr || other->leaving.value_or("").empty()) continue;
    const std::string& token = *other->leaving;
    if (takeovers_.contains(name)) continue;
    if (successor_of(view, takeovers_, name, token) != view.name) continue;
    begin(name, token);
    break;
  }
  if (takeovers_ == said_) return Said::same;
  said_ = takeovers_;
  return Said::other;
}

void TakeoverKeeper::begin(const std::string& name, const std::string& token) {
  takeovers_[name] = {token, Takeover::State::under_way};
  run_(name, token, [this, name, token](const TakeoverEnd& end) {
    const auto found = takeovers_.find(name);
    if (found == takeovers_.end() || found->second.token != token) return;
    switch (end.kind) {
      case TakeoverEnd::Kind::done:
        found->second.state = Takeover::State::done;
        return;
      case TakeoverEnd::Kind::not_now:
        takeovers_.erase(found);  // begins again with the next step
        return;
      case TakeoverEnd::Kind::impossible:
        found->second.state = Takeover::State::failed;
        return;
    }
  });
}

}  // namespace bonedry::admin::cluster
