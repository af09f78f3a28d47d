#pragma once

#include "admin/cluster/cluster.h"
#include "admin/cluster/cluster_file.h"
#include "admin/cluster/control_nodes.h"
#include "admin/cluster/session_sync.h"
#include "admin/cluster/store_board.h"
#include "admin/cluster/store_meter.h"
#include "admin/cluster/stored_index.h"
#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/peers.h"
#include "admin/publisher.h"
#include "balancer/fence.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/mailbox.h"
#include "proxy/redis/client.h"
#include "proxy/redis/settings.h"
#include "session/cluster_ledger.h"
#include "session/mapped_ledger.h"
#include "session/remote_sessions.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin::cluster {

/// This proxy as a member of a cluster. Puts together the connection to the store, what members
/// agree on (Cluster), their sessions (SessionSync) and the control plane. Owned by Application;
/// main thread, except what it makes for workers.
class Member final : public Peers, public Publisher, private redis::Client::Handler {
 public:
  struct Parts {
    io::EventLoop& loop;
    const Clock& clock;
    EventLog& events;
    session::MappedLedger& ledger;
    Publisher& workers;
    balancer::Fence& fence;  ///< that the workers ask
    std::vector<std::string> secrets;
    std::string state_dir;
  };
  /// Reads what this member knows from its disk. Before workers start; throws std::runtime_error if
  /// OpenSSL refuses the settings of the store, or a file descriptor cannot be had. The error is
  /// for the operator.
  [[nodiscard]] static Result<std::unique_ptr<Member>> make(const Parts& parts,
                                                            const conf::Cluster& config);
  Member(const Parts& parts, const conf::Cluster& config, redis::Settings settings, Memory memory);
  ~Member() override;

  /// Whether this process goes on for another one, which its clients do not notice.
  enum class Start : std::uint8_t { first, takes_over };
  /// Joins the control plane, which must outlive this, and the doors that a vote holds are shut.
  /// Call it before anybody is served. The error is for the operator.
  [[nodiscard]] Result<> join(ControlPlane& control, Start start);
  /// Begins to speak with the store and with the other members. After `join`.
  void start();
  /// Call it ten times a second.
  void tick();
  [[nodiscard]] bool may_serve() const {
    return start_ == Start::takes_over || cluster_->may_serve();
  }
  /// The workers have ended. Lets the other members go on without this one; call `tick` until
  /// `may_end`.
  void leave() { cluster_->leave(); }
  [[nodiscard]] bool may_end() const { return cluster_->may_end(); }
  /// Clients are served from now on.
  void note_serving() { serving_ = Serving::yes; }
  /// A worker's access to the other members; `worker` runs what is posted on its thread.
  [[nodiscard]] std::unique_ptr<session::RemoteSessions> remote_sessions(io::Mailbox& worker);

  // -- Publisher: this member's workers, and then the other members
  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged) override;

  // -- Peers
  [[nodiscard]] std::string cannot_change() const override { return cluster_->cannot_change(); }
  void note_change(const NodeIds& nodes, const NodeRecords& records) override;
  [[nodiscard]] bool leads() const override { return cluster_->leads(); }
  [[nodiscard]] std::vector<std::string> blocked_by(const balancer::NodeId& node) const override {
    return cluster_->blocked_by(node);
  }
  [[nodiscard]] std::vector<std::string> unheard() const override { return cluster_->unheard(); }
  [[nodiscard]] std::optional<SharedUsers> users(const balancer::NodeId& node) const override;
  [[nodiscard]] DryOutlook outlook_elsewhere(const balancer::NodeId& node) const override {
    return cluster_->outlook_elsewhere(node);
  }
  void note_displaced(const balancer::NodeId& node) override;
  [[nodiscard]] ClusterStatus status() const override;
  [[nodiscard]] Result<> forget(const std::string& name, const std::string& by) override {
    return cluster_->forget(name, by);
  }
  [[nodiscard]] Result<> start_alone(const std::string& by) override;

 private:
  // -- redis::Client::Handler
  void on_connected() override;
  void on_lost(const std::string& why) override;

  void tell_sync();
  void say_connected();
  void heed_fence();
  void note_contact(Instant at);
  void take_over(const std::string& name, const std::string& token,
                 std::function<void(TakeoverEnd)> done);
  [[nodiscard]] Counted counted() const;
  [[nodiscard]] ClusterStatistics statistics() const;
  [[nodiscard]] std::vector<SyncNode> sync_nodes() const;
  [[nodiscard]] std::optional<session::NodeSlot> slot_of(const balancer::NodeId& node) const;

  // Many: the parts of a member are put together here.
  Parts parts_;
  const conf::Cluster config_;
  const std::string incarnation_;
  io::Mailbox mailbox_;
  ClusterFile file_;
  Memory memory_;  // as it was at the start
  session::ClusterLedger sessions_;
  redis::Client client_;
  StoreMeter store_;  // the client, as the following ones use it
  StoreBoard board_;
  StoredIndex index_;
  std::string why_lost_ = "not yet connected";  // empty: the store is there
  WallTime store_since_;                        // when that began
  Instant connected_at_;
  /// Why the store is lost, as the log said last; empty: that it is connected; nothing: nothing.
  std::optional<std::string> said_of_store_;
  Start start_ = Start::first;
  enum class Serving : std::uint8_t { no, yes } serving_ = Serving::no;
  enum class SyncTold : std::uint8_t {
    no,
    yes
  } sync_told_ = SyncTold::no;                                        // that the store is there
  enum class Fenced : std::uint8_t { no, yes } fenced_ = Fenced::no;  // since the last contact
  ControlPlane* control_ = nullptr;                                   // null until `join`
  std::optional<ControlNodes> nodes_;
  std::optional<Cluster> cluster_;
  std::optional<SessionSync> sync_;
};

}  // namespace bonedry::admin::cluster
