#include "admin/render_cluster.h"

#include "admin/phrases.h"
#include "admin/printable.h"
#include "admin/text_table.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace bonedry::admin {
namespace {

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json date_or_null(const std::optional<WallTime>& at) {
  return at ? Json(rfc3339(*at, Precision::seconds)) : Json(nullptr);
}

Millis whole_seconds(Millis time) {
  return std::chrono::floor<std::chrono::seconds>(std::max(time, Millis{0}));
}

std::string heard_text(const MemberStatus& member) {
  if (member.state == MemberStatus::State::here) return "here";
  if (!member.heard_age) return "not heard since the start";
  const std::string ago = format_duration(whole_seconds(*member.heard_age));
  return member.state == MemberStatus::State::heard ? "heard " + ago + " ago" : "silent for " + ago;
}

/// "store 10.0.0.5:6379 connected", or why it is lost and since when.
std::string store_text(const StoreStatus& store, WallTime now) {
  const std::string name = "store " + store.address;
  if (store.state == StoreStatus::State::connected) return name + " connected";
  std::string text = name + " lost";
  if (store.since) text += " for " + format_duration(whole_seconds(now - *store.since));
  return store.why.empty() ? text : text + " (" + store.why + ")";
}

const char* counted_text(Counted counted) {
  switch (counted) {
    case Counted::exactly:
      return "users are those of all members";
    case Counted::at_least:
      return "users are at least those shown: not all members have told theirs";
    case Counted::at_most:
      return "users are at most those shown: a silent member may have had some who have left";
  }
  return "";
}

const char* counted_word(Counted counted) {
  switch (counted) {
    case Counted::exactly:
      return "exactly";
    case Counted::at_least:
      return "at_least";
    case Counted::at_most:
      return "at_most";
  }
  return "";
}

Json member_json(const MemberStatus& member) {
  return {{"name", member.name},
          {"state", to_string(member.state)},
          {"heard_s_ago", member.heard_age ? Json(seconds(*member.heard_age)) : Json(nullptr)},
          {"version", text_or_null(member.version)},
          {"since", date_or_null(member.since)},
          {"sessions", member.sessions},
          {"blocks", member.blocks},
          {"problem", text_or_null(member.problem)}};
}

std::string share_text(const MemberStatus& member, std::uint64_t all) {
  if (all == 0) return std::to_string(member.sessions);
  return std::to_string(member.sessions) + " (" + std::to_string(100 * member.sessions / all) +
         "%)";
}

}  // namespace

std::string cluster_lines(const ClusterStatus& cluster, WallTime now) {
  std::vector<std::string> others;
  for (const MemberStatus& member : cluster.members) {
    if (member.state == MemberStatus::State::here) continue;
    const bool heard = member.state == MemberStatus::State::heard;
    others.push_back(heard ? member.name : member.name + " (" + heard_text(member) + ")");
  }
  std::string line = "cluster: " + cluster.name + " with " +
                     (others.empty() ? "no other member" : joined(others)) + "; " +
                     store_text(cluster.store, now);
  if (!cluster.problem.empty()) line += "; cannot join: " + cluster.problem;
  if (!cluster.waiting_for.empty()) {
    line += "; serves nobody before it has met the others: waits for " + cluster.waiting_for +
            "; see start-alone";
  }
  return printable(line) + "\n" + "cluster: " + counted_text(cluster.counted) + "\n";
}

Json cluster_json(const ClusterStatus& cluster) {
  Json members = Json::array();
  for (const MemberStatus& member : cluster.members) members.push_back(member_json(member));
  const StoreStatus& store = cluster.store;
  const bool connected = store.state == StoreStatus::State::connected;
  return {{"name", cluster.name},
          {"members", std::move(members)},
          {"store",
           {{"state", connected ? "connected" : "lost"},
            {"since", date_or_null(store.since)},
            {"address", text_or_null(store.address)},
            {"why", text_or_null(store.why)}}},
          {"complete", cluster.complete},
          {"counted", counted_word(cluster.counted)},
          {"leader", text_or_null(cluster.leader)},
          {"problem", text_or_null(cluster.problem)},
          {"waiting_for", text_or_null(cluster.waiting_for)}};
}

std::string members_text(const ClusterStatus& cluster, WallTime now) {
  TextTable table({{"MEMBER"},
                   {"HEARD"},
                   {"VERSION"},
                   {"UP FOR", TextTable::Align::right},
                   {"SESSIONS", TextTable::Align::right}});
  std::uint64_t all = 0;
  for (const MemberStatus& member : cluster.members) all += member.sessions;
  std::string remarks;
  for (const MemberStatus& member : cluster.members) {
    const std::string up = member.since ? format_duration(whole_seconds(now - *member.since)) : "-";
    table.add({member.name, heard_text(member), member.version.empty() ? "-" : member.version, up,
               share_text(member, all)});
    if (!member.problem.empty()) {
      remarks += printable(member.name + " cannot be understood: " + member.problem) + "\n";
    }
    for (const std::string& block : member.blocks) {
      remarks += printable(member.name + " keeps from being dry " + block) + "\n";
    }
  }
  return table.str() + "\n" + remarks + cluster_lines(cluster, now);
}

std::string members_json(const ClusterStatus& cluster) {
  return one_line(cluster_json(cluster));
}

}  // namespace bonedry::admin
