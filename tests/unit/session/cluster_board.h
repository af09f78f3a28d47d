#pragma once

#include "session/shared_sessions.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace bonedry::session::test {

/// What the members of a cluster know together, as simple as can be: for tests. Nodes have the same
/// number for all members.
class Board {
 public:
  struct Entry {
    NodeSlot node = 0;
    SessionState state = SessionState::pending;
    Instant created;
    Instant placed;
    Instant ends;
  };
  /// What members hear, in this order.
  struct News {
    enum class Kind : std::uint8_t { moved, left, renewed, aliased };
    Kind kind = Kind::moved;
    SessionKey key;
    SessionKey other;
    NodeSlot node = 0;
    Instant at;  ///< when; of `moved`: when it was placed
  };

  /// `rounding`: how much later than its real end a session is said to end.
  explicit Board(Millis rounding) : rounding_(rounding) {}

  /// Returns what the member must hear that said this.
  std::vector<News> apply(const SessionChange& change, Instant now) {
    const bool begins =
        change.kind == SessionChange::Kind::present || change.kind == SessionChange::Kind::renewed;
    if (begins && find(change.key) == nullptr) aliases_.erase(change.key);  // of one that is over
    const SessionKey key = resolve(change.key);
    switch (change.kind) {
      case SessionChange::Kind::present:
        return present(change, key);
      case SessionChange::Kind::left:
        leave(change, key);
        return {};
      case SessionChange::Kind::expired:
        if (const Entry* const entry = find(key);
            entry != nullptr && entry->ends <= change.ends + rounding_) {
          sessions_.erase(key);
        }
        return {};
      case SessionChange::Kind::renewed:
        return renew(change, key, now);
      case SessionChange::Kind::aliased:
        if (change.key == key && find(key) == nullptr && resolve(change.other) != key) {
          aliases_[key] = change.other;
          news_.push_back({News::Kind::aliased, change.key, change.other, 0, now});
        }
        return {};
    }
    return {};
  }

  [[nodiscard]] SessionKey resolve(SessionKey key) const {
    for (auto next = aliases_.find(key); next != aliases_.end(); next = aliases_.find(key)) {
      key = next->second;
    }
    return key;
  }
  [[nodiscard]] const Entry* find(const SessionKey& key) const {
    const auto found = sessions_.find(resolve(key));
    return found == sessions_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const std::vector<News>& news() const { return news_; }
  [[nodiscard]] const std::map<SessionKey, Entry>& sessions() const { return sessions_; }
  [[nodiscard]] const std::map<SessionKey, Instant>& ended() const { return ended_; }

 private:
  /// One that goes on under another key counts there.
  std::vector<News> present(const SessionChange& change, const SessionKey& key) {
    if (const auto ended = ended_.find(key);
        ended != ended_.end() && change.created <= ended->second) {
      return {{News::Kind::left, change.key, {}, 0, ended->second}};
    }
    std::vector<News> answer;
    if (change.key != key) answer.push_back({News::Kind::renewed, change.key, key, 0, change.ends});
    const Entry said{change.node, change.state, change.created, change.placed, change.ends};
    const auto [at, added] = sessions_.try_emplace(key, said);
    if (added) return answer;
    Entry& is = at->second;
    if (is.ends < said.created) is = said;  // of one that was over
    const bool wins = said.placed > is.placed || (said.placed == is.placed && said.ends > is.ends);
    const bool same = said.node == is.node;
    if (wins) {
      is.node = said.node;
      is.placed = said.placed;
      if (!same) news_.push_back({News::Kind::moved, key, {}, is.node, is.placed});
    } else if (!same) {
      const Instant later = change.placed + Millis{1};
      answer.push_back({News::Kind::moved, key, {}, is.node, std::max(is.placed, later)});
    }
    if (said.state == SessionState::live) is.state = said.state;
    is.created = std::max(is.created, said.created);  // a logout before that is not of this one
    is.ends = std::max(is.ends, said.ends);
    return answer;
  }

  void leave(const SessionChange& change, const SessionKey& key) {
    const Entry* const entry = find(key);
    if (entry != nullptr && entry->created > change.ends) return;
    sessions_.erase(key);
    for (const SessionKey& each : {change.key, key}) {
      ended_[each] = std::max(ended_[each], change.ends);
      news_.push_back({News::Kind::left, each, {}, 0, change.ends});
    }
  }

  /// Of two values with which two members renewed one, the first is the session's.
  std::vector<News> renew(const SessionChange& change, const SessionKey& key, Instant now) {
    const SessionKey to = resolve(change.other);
    if (to == key) return {};
    if (change.key != key) {
      if (find(to) == nullptr) aliases_[to] = key;
      return {{News::Kind::renewed, to, key, 0, now}};
    }
    SessionChange goes_on = change;
    if (const Entry* const entry = find(key)) {
      if (entry->created > change.created + rounding_) return {};  // begun anew since
      goes_on.node = entry->node;
      goes_on.placed = entry->placed;
      goes_on.ends = std::max(entry->ends, change.ends);
    }
    goes_on.kind = SessionChange::Kind::present;
    goes_on.key = to;
    goes_on.state = SessionState::live;
    sessions_.erase(key);
    aliases_[key] = to;
    news_.push_back({News::Kind::renewed, key, to, 0, now});
    std::vector<News> answer = present(goes_on, to);
    // Who knew only one of the two has it where that one was.
    if (const Entry* const entry = find(to)) {
      news_.push_back({News::Kind::moved, to, {}, entry->node, entry->placed});
    }
    return answer;
  }

  Millis rounding_;
  std::map<SessionKey, Entry> sessions_;
  std::map<SessionKey, SessionKey> aliases_;
  std::map<SessionKey, Instant> ended_;
  std::vector<News> news_;
};

}  // namespace bonedry::session::test
