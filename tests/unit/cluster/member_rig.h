#pragma once

#include "admin/cluster/cluster.h"
#include "admin/event_log.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bonedry::admin::cluster::test {

using balancer::NodeId;

/// Users in a ledger, by their node.
using Users = std::map<NodeId, std::set<int>>;

/// What a store would have for the members.
struct SharedBoard {
  std::map<std::string, Users> index;  ///< by member: its sessions
  std::map<std::string, std::string> statements;
  std::string holder;
  Instant held_until;
  std::uint64_t run = 1;

  /// Everything is lost, as when the store starts again without its data.
  void wipe();
};

/// What happens to the next exchanges of a member with the board.
enum class Link : std::uint8_t {
  up,
  down,           ///< there is no connection
  request_lost,   ///< the next one does not arrive, and fails
  response_lost,  ///< the next one arrives, and fails all the same
};

/// A member's way to the board. Answers when `deliver` is called.
class BoardLink final : public Board {
 public:
  BoardLink(SharedBoard& board, const Clock& clock) : board_(board), clock_(clock) {}
  [[nodiscard]] std::string why_lost() const override { return ""; }
  [[nodiscard]] bool is_there() const override { return link != Link::down; }
  void exchange(const Post& post, std::function<void(Result<Reading>)> done) override;
  void deliver();

  Link link = Link::up;

 private:
  [[nodiscard]] Reading apply(const Post& post);

  SharedBoard& board_;
  const Clock& clock_;
  std::vector<std::function<void()>> answers_;
};

/// The nodes of one member, with a ledger that is a set of users for each node. Workers acknowledge
/// when `deliver` is called.
class ModelNodes final : public LocalNodes {
 public:
  explicit ModelNodes(NodeRecords& disk) : disk_(disk), records_(disk) {}

  [[nodiscard]] bool decides() const override { return true; }
  [[nodiscard]] const NodeRecords& records() const override { return records_; }
  [[nodiscard]] bool has(const NodeId& node) const override { return nodes.contains(node); }
  [[nodiscard]] Result<> apply(const Decisions& decisions) override;
  [[nodiscard]] Result<> save() override;
  void publish() override {
    publish([] {});
  }
  [[nodiscard]] std::vector<std::string> blocked_by(const NodeId& node) const override;
  [[nodiscard]] bool has_sessions(const NodeId& node) const override;
  void retract_dryness(const NodeId& node) override;
  void hold(const NodeIds& which, std::function<void()> held) override;
  void release(const NodeIds& which) override;
  [[nodiscard]] std::map<std::string, std::string> pools() const override { return fingerprints; }
  [[nodiscard]] DryOutlook outlook(const NodeId& node) const override {
    const auto found = outlooks.find(node);
    return found == outlooks.end() ? DryOutlook{} : found->second;
  }
  [[nodiscard]] Millis longest_session(std::string_view) const override { return kLongest; }
  [[nodiscard]] std::uint64_t sessions() const override { return 0; }

  /// A change by this member itself: saved, said, published.
  void change(const NodeId& node, std::optional<NodeRecord> record, std::function<void()> then);
  void deliver();
  /// Whether requests of known users get onto the node, and whether new users do.
  [[nodiscard]] bool admits_known(const NodeId& node) const;
  [[nodiscard]] bool admits_new(const NodeId& node) const;

  static constexpr Millis kLongest = std::chrono::minutes{20};
  Cluster* cluster = nullptr;
  std::set<NodeId> nodes{{"shop", "alice"}, {"shop", "bob"}};
  /// Users whom a member that leaves had. False: the doors of one of these nodes are held.
  [[nodiscard]] bool take_in(const Users& theirs);

  Users users;
  std::map<NodeId, DryOutlook> outlooks;
  std::map<std::string, std::string> fingerprints{{"shop", "same"}};
  bool disk_full = false;

 private:
  void publish(std::function<void()> then);
  [[nodiscard]] Result<> put(NodeRecords next);

  NodeRecords& disk_;
  NodeRecords records_;
  std::set<NodeId> held_;
  std::set<NodeId> held_by_workers_;
  std::map<NodeId, std::uint64_t> changed_in_;
  std::uint64_t version_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::vector<std::function<void()>> acknowledgements_;
};

/// What of a member survives its process.
struct Disk final : MemoryStore {
  [[nodiscard]] Result<> save(const Memory& next) override;

  Memory memory;
  NodeRecords records;
  Users users;
  bool full = false;
};

/// One member: `process` is null while it is down.
class Member {
 public:
  Member(std::string name, SharedBoard& board, const Clock& clock);

  void start();
  void kill();
  /// It serves nobody any more; it ends by itself when `tick` finds that it may.
  void leave();
  [[nodiscard]] bool serves() const { return runs() && !stopped && !leaving_; }
  [[nodiscard]] bool leaves() const { return leaving_; }
  [[nodiscard]] bool runs() const { return process_ != nullptr; }
  [[nodiscard]] Cluster& cluster() { return process_->cluster; }
  [[nodiscard]] ModelNodes& nodes() { return process_->nodes; }
  [[nodiscard]] BoardLink& link() { return process_->link; }
  [[nodiscard]] std::string events() const;
  /// Lets 100 ms of work be done, unless it is stopped.
  void tick();
  /// What keeps the node from being dry, as `status` would say it here.
  [[nodiscard]] std::string blocked(const NodeId& node);
  /// "" when it is done; otherwise why it was refused.
  std::string bleed(const NodeId& node);
  std::string activate(const NodeId& node);
  [[nodiscard]] bool is_dry(const NodeId& node);

  const std::string name;
  Disk disk;
  bool stopped = false;  ///< as by SIGSTOP
  /// The sessions of members that leave.
  enum class TakesOver : std::uint8_t { now, later, after_failing } takes_over = TakesOver::now;
  std::vector<std::string> secrets{std::string(32, 's')};
  unsigned members_wanted = 2;
  Millis forget_after{0};
  Instant fence;  ///< until when it may keep users on nodes out of rotation, if it forgets
  std::string whole = "follow";  ///< "follow": has sent all to whatever run the board has

 private:
  struct Process {
    Process(Member& member, SharedBoard& board, const Clock& clock);

    /// What keeps it from taking over now is tried again with the next tick.
    void take_over(SharedBoard& board);

    Member& member_;

    EventLog events;
    BoardLink link;
    ModelNodes nodes;
    struct TakingOver {
      std::string name;
      std::string token;
      std::function<void(TakeoverEnd)> done;
    };
    std::optional<TakingOver> taking_over;
    Cluster cluster;
  };
  [[nodiscard]] std::string everything_sent() const;

  SharedBoard& board_;
  const Clock& clock_;
  std::unique_ptr<Process> process_;
  bool leaving_ = false;
};

/// The name of the node in tests.
inline const NodeId kAlice{"shop", "alice"};
inline const NodeId kBob{"shop", "bob"};

}  // namespace bonedry::admin::cluster::test
