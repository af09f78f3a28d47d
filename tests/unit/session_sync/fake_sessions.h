#pragma once

#include "session/shared_sessions.h"
#include "tests/unit/session_sync/values.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {

/// A ledger that tells what the test has prepared, and writes down what others say.
class FakeSessions final : public session::SharedSessions {
 public:
  std::vector<session::SessionChange> due;                  // to be told next
  std::vector<std::vector<session::SessionChange>> all{1};  // by parts
  bool overflow = false;
  std::map<session::SessionKey, session::KnownSession> known;

  // What others said.
  std::vector<session::RemoteSession> adopted;
  struct Placed {
    session::SessionKey key;
    session::NodeSlot to = 0;
    Instant placed;
  };
  std::vector<Placed> moved;
  std::vector<std::pair<session::SessionKey, Instant>> ended;
  std::vector<std::pair<session::SessionKey, session::SessionKey>> renewed;
  std::vector<std::pair<session::SessionKey, session::SessionKey>> aliased;

  bool collect(std::vector<session::SessionChange>& out, std::size_t max, Instant) override {
    const auto taken = static_cast<std::ptrdiff_t>(std::min(max, due.size()));
    out.insert(out.end(), due.begin(), due.begin() + taken);
    due.erase(due.begin(), due.begin() + taken);
    return !due.empty();
  }
  [[nodiscard]] std::size_t parts() const override { return all.size(); }
  void collect_all(std::size_t part, std::vector<session::SessionChange>& out, Instant) override {
    out.insert(out.end(), all.at(part).begin(), all.at(part).end());
  }
  [[nodiscard]] bool take_overflow() override { return std::exchange(overflow, false); }

  void adopt(const session::RemoteSession& session, Instant) override {
    adopted.push_back(session);
  }
  void place(const session::SessionKey& key, session::NodeSlot to, Instant placed,
             Instant) override {
    moved.push_back({key, to, placed});
  }
  void end_remote(const session::SessionKey& key, Instant at, Instant) override {
    ended.emplace_back(key, at);
  }
  void renew_remote(const session::SessionKey& from, const session::SessionKey& to,
                    Instant) override {
    renewed.emplace_back(from, to);
  }
  void alias_remote(const session::SessionKey& key, const session::SessionKey& of,
                    Instant) override {
    aliased.emplace_back(key, of);
  }
  [[nodiscard]] std::optional<session::KnownSession> look(const session::SessionKey& key,
                                                          Instant) override {
    const auto found = known.find(key);
    if (found == known.end()) return std::nullopt;
    return found->second;
  }
};

/// A change of a session on a node, in which times are reckoned from `now`.
inline session::SessionChange change(session::SessionChange::Kind kind, std::uint64_t number,
                                     session::NodeSlot node, Instant now) {
  using std::chrono::minutes;
  session::SessionChange result;
  result.kind = kind;
  result.key = key_of(number);
  result.node = node;
  result.state = session::SessionState::live;
  result.created = result.placed = now - minutes{15};
  const bool is_over =
      kind == session::SessionChange::Kind::left || kind == session::SessionChange::Kind::expired;
  result.ends = is_over ? now : now + minutes{30};
  return result;
}

}  // namespace bonedry::admin::cluster
