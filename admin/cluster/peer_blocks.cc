#include "admin/cluster/peer_blocks.h"

#include "admin/cluster/pool_fingerprints.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace bonedry::admin::cluster {
namespace {

using balancer::NodeId;
using Texts = std::vector<std::string>;

Millis whole_seconds(Millis time) {
  return std::chrono::ceil<std::chrono::seconds>(time);
}

std::string unheard_text(const View& view, const std::string& name) {
  const HeardMember* const member = view.others.find(name);
  if (member == nullptr) return name + " has not been heard since this member started";
  return name + " has not been heard for " +
         format_duration(whole_seconds(view.now - member->heard));
}

/// Users whom only a forgotten member knew may come until their sessions would have ended.
void add_forgotten(const View& view, const NodeId& node, Texts& texts) {
  for (const auto& [name, entry] : view.roster.entries()) {
    if (entry.standing != Standing::forgotten) continue;
    // The clock of whoever ended it may be behind.
    const WallTime heard = std::max(entry.heard, entry.heard_here);
    const Millis left = heard + view.longest_session(node.pool) - view.wall;
    if (left <= Millis{0}) continue;
    texts.push_back(name + " has ended: users whom only it knew may come for another " +
                    format_duration(whole_seconds(left)));
  }
}

/// What another member has otherwise in a pool; empty: nothing.
std::string misfit(const View& view, const Statement& other, const std::string& pool) {
  const auto mine = view.pools.find(pool);
  const auto theirs = other.pools.find(pool);
  if (mine == view.pools.end() || theirs == other.pools.end()) {
    return (theirs == other.pools.end() ? other.name : view.name) + " does not have pool " + pool;
  }
  if (mine->second == theirs->second) return "";
  return other.name + " has another config of pool " + pool + ": " +
         differing(mine->second, theirs->second);
}

void add_member(const View& view, const Statement& other, const NodeId& node, Texts& texts) {
  std::string differs = misfit(view, other, node.pool);
  if (!differs.empty()) texts.push_back(std::move(differs));
  if (other.whole != view.store_run) {
    texts.push_back(other.name + " has not yet sent its sessions to the store");
  }
  const auto state = view.states.find(node);
  const auto look = other.looks.find(node);
  const bool current = look != other.looks.end() && state != view.states.end() &&
                       look->second.version == state->second.version;
  if (!current) {
    texts.push_back(other.name + " has not yet applied the new state");
    return;
  }
  for (const std::string& one : look->second.blocked) texts.push_back(other.name + ": " + one);
}

}  // namespace

std::vector<std::string> blocked_by_peers(const View& view, const NodeId& node) {
  Texts texts;
  const Texts present = view.roster.present();
  if (view.store_run.empty()) texts.emplace_back("the store is lost");
  if (!view.store_run.empty() && view.whole != view.store_run) {
    texts.emplace_back("this member has not yet sent its sessions to the store");
  }
  if (present.size() < view.members_wanted) {
    texts.push_back("the cluster has " + std::to_string(present.size()) + " of at least " +
                    std::to_string(view.members_wanted) + " members");
  }
  add_forgotten(view, node, texts);
  for (const std::string& name : present) {
    if (name == view.name) continue;
    const Statement* const other = view.others.find_audible(name, view.now);
    if (other == nullptr) {
      texts.push_back(unheard_text(view, name));
    } else if (!view.store_run.empty()) {
      add_member(view, *other, node, texts);
    }
  }
  return texts;
}

}  // namespace bonedry::admin::cluster
