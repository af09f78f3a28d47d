#pragma once

#include "admin/cluster_statistics.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {

/// One member of the cluster as this one sees it.
struct MemberStatus {
  enum class State : std::uint8_t { here, heard, silent };

  std::string name;
  State state = State::silent;
  std::optional<Millis> heard_age;  ///< since it was last heard; empty: never since the start
  std::string version;              ///< of its program; empty: not known
  std::optional<WallTime> since;    ///< when its process started
  std::uint64_t sessions = 0;       ///< in its ledger
  std::vector<std::string> blocks;  ///< nodes that it keeps from being dry: "shop/alice: 3 …"
  std::string problem = {};         ///< why it cannot be understood
};

/// "here", "heard" or "silent"
[[nodiscard]] constexpr const char* to_string(MemberStatus::State state) {
  switch (state) {
    case MemberStatus::State::here:
      return "here";
    case MemberStatus::State::heard:
      return "heard";
    case MemberStatus::State::silent:
      return "silent";
  }
  return "";
}

/// How a count of the users of all members may differ from the truth.
enum class Counted : std::uint8_t {
  exactly,   ///< those of two seconds ago
  at_least,  ///< some members have not told theirs
  at_most,   ///< a member that is gone may have had users who have left since
};

struct StoreStatus {
  enum class State : std::uint8_t { connected, lost };

  State state = State::lost;
  std::optional<WallTime> since;
  std::string address;
  std::string why = {};  ///< why it is lost
};

struct ClusterStatus {
  std::string name;  ///< of this member
  std::vector<MemberStatus> members;
  StoreStatus store;
  bool complete = false;                ///< all members have sent their sessions to the store
  Counted counted = Counted::at_least;  ///< how exact the counts of users are
  std::string leader = {};
  std::string problem = {};      ///< why this member cannot join; empty: it can
  std::string waiting_for = {};  ///< what this member waits for before it serves; empty: it serves
  ClusterStatistics statistics = {};
};

}  // namespace bonedry::admin
