#include "admin/metrics/cluster_families.h"

#include "admin/metrics/durations.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace bonedry::admin::metrics {
namespace {

void write_members(Exposition& out, const ClusterStatus& cluster) {
  using State = MemberStatus::State;
  out.begin({"bonedry_cluster_members", Type::gauge,
             "Members on the roster by state: this one, those that are heard, and silent ones."});
  for (const State state : {State::here, State::heard, State::silent}) {
    const auto count = std::ranges::count(cluster.members, state, &MemberStatus::state);
    out.sample(label("state", to_string(state)), static_cast<std::uint64_t>(count));
  }
  out.begin({"bonedry_cluster_sessions", Type::gauge,
             "Sessions in the ledger of each member, as it said last. Users who came through "
             "several are in several."});
  for (const MemberStatus& member : cluster.members) {
    if (member.heard_age) out.sample(label("member", member.name), member.sessions);
  }
  out.single({"bonedry_cluster_complete", Type::gauge,
              "Whether all members have sent their sessions to the store (1); while they have not "
              "(0), no node becomes dry."},
             std::uint64_t{cluster.complete});
}

void write_store(Exposition& out, const ClusterStatus& cluster) {
  const StoreStatistics& store = cluster.statistics.store;
  out.single({"bonedry_cluster_store_connected", Type::gauge,
              "Whether the store can be used (1) or is lost (0)."},
             std::uint64_t{cluster.store.state == StoreStatus::State::connected});
  out.single({"bonedry_cluster_store_reconnects", Type::counter,
              "How often the store was connected again after it had been lost."},
             store.connects - std::min(store.connects, std::uint64_t{1}));
  out.begin({"bonedry_cluster_store_round_trip_duration_seconds", Type::histogram,
             "Time from a command to the store until its reply.", "seconds"});
  write_durations(out, "", store.round_trips, duration_bounds());
}

struct SyncTotal {
  Family family;
  std::uint64_t SyncStatistics::*count;
};

constexpr std::array kSyncTotals{
    SyncTotal{{"bonedry_cluster_batches", Type::counter,
               "Batches in which this member told the store what its sessions do."},
              &SyncStatistics::batches},
    SyncTotal{{"bonedry_cluster_batch_failures", Type::counter,
               "Batches that the store did not answer, or with an error; they are sent again."},
              &SyncStatistics::failed_batches},
    SyncTotal{
        {"bonedry_cluster_batch_operations", Type::counter, "Changes of sessions in all batches."},
        &SyncStatistics::operations},
    SyncTotal{{"bonedry_cluster_corrections", Type::counter,
               "Changes of this member of which the store knew something newer."},
              &SyncStatistics::corrections},
    SyncTotal{{"bonedry_cluster_changes", Type::counter,
               "Moves, endings and new cookies of sessions that other members have told."},
              &SyncStatistics::changes},
    SyncTotal{{"bonedry_cluster_change_gaps", Type::counter,
               "How often changes of other members were missed, and all sessions compared."},
              &SyncStatistics::gaps},
    SyncTotal{{"bonedry_cluster_full_sends", Type::counter,
               "How often this member began to send all its sessions to the store."},
              &SyncStatistics::full_sends},
    SyncTotal{{"bonedry_cluster_unknown_nodes", Type::counter,
               "What was told of sessions on nodes that this member does not have."},
              &SyncStatistics::unknown_nodes},
    SyncTotal{{"bonedry_cluster_sessions_taken_over", Type::counter,
               "Sessions that began at another member, when their users first came to this one."},
              &SyncStatistics::taken_over}};

void write_sync(Exposition& out, const ClusterStatistics& statistics) {
  const SyncStatistics& sync = statistics.sync;
  for (const SyncTotal& total : kSyncTotals) out.single(total.family, sync.*total.count);
  out.begin({"bonedry_cluster_questions", Type::counter,
             "Requests with a cookie that this member did not know, by the answer."});
  out.sample(label("answer", "known"), sync.known);
  out.sample(label("answer", "ended"), sync.ended);
  out.sample(label("answer", "uncertain"), sync.uncertain - sync.timed_out);
  out.sample(label("answer", "timed_out"), sync.timed_out);
  out.begin({"bonedry_cluster_changes_lag_seconds", Type::gauge,
             "How long ago all was read that other members have told of their sessions.",
             "seconds"});
  if (!statistics.lag) return;
  out.sample("", std::chrono::duration<double>(*statistics.lag).count());
}

void write_dryness(Exposition& out, const DrynessStatistics& dryness) {
  out.begin({"bonedry_cluster_dryness_rounds", Type::counter,
             "Rounds in which the members were asked whether a node is dry, by how they ended; "
             "counted by the member that led the end."});
  for (const auto& [end, name] : kRoundEnds) out.sample(label("outcome", name), dryness.of(end));
  out.begin({"bonedry_cluster_dryness_votes", Type::counter,
             "What this member said when it was asked whether a node is dry."});
  out.sample(label("vote", "yes"), dryness.yes);
  out.sample(label("vote", "no"), dryness.no);
}

}  // namespace

void write_cluster(Exposition& out, const ClusterStatus& cluster) {
  write_members(out, cluster);
  write_store(out, cluster);
  write_sync(out, cluster.statistics);
  write_dryness(out, cluster.statistics.dryness);
}

}  // namespace bonedry::admin::metrics
