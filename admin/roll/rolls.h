#pragma once

#include "admin/command_result.h"
#include "admin/event_log.h"
#include "admin/roll/roll.h"
#include "admin/roll/roll_store.h"
#include "admin/status.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry::admin {

/// The rolls of all pools: one at a time for each pool, carried out by one holder at a time. Every
/// change is saved before it is answered. Main thread only.
class Rolls {
 public:
  /// How long after a start of the proxy a roll waits for the holder that it had before.
  static constexpr Millis kHolderReturns = std::chrono::seconds{15};

  /// Whether this process decides. `stopping`: it takes no more changes, and the next process waits
  /// for the holders that it had. `standby`: another process decides, and has the file.
  enum class Role : std::uint8_t { deciding, standby, stopping };

  /// All must outlive this.
  Rolls(RollStore& store, EventLog& events, const Clock& clock, std::function<Role()> role)
      : store_(store), events_(events), clock_(clock), role_(std::move(role)) {}

  /// What the store had at the start of the proxy.
  void adopt(RollMap rolls);

  struct Request {
    RollPlan plan;
    std::string token;  ///< names the run of bonedryctl that asks
    std::string by;
    /// `resume`: the connection was lost. The roll may have ended meanwhile: no other is begun.
    enum class Mode : std::uint8_t { begin_or_resume, resume } mode = Mode::begin_or_resume;
  };
  /// Names a holding until its `release`.
  using HoldId = std::uint64_t;
  /// Begins a roll of the pool, or goes on with the unfinished one, which must have the same
  /// command, test and nodes. Refused while somebody else holds it. `on_lost` is called at most
  /// once, if the holding ends before its `release`.
  [[nodiscard]] Result<HoldId, CommandError> hold(const PoolStatus& pool, const Request& request,
                                                  std::function<void(const CommandError&)> on_lost);
  /// The holder has gone: the roll, if it is unfinished, waits for the next one.
  void release(HoldId id);

  /// What the holder reports of a node: it enters `step`, or `step` has failed. Repeating a report
  /// does no harm.
  [[nodiscard]] Result<Done, CommandError> note(std::string_view pool, std::string_view token,
                                                const RolledNode& report);
  /// Ends an unfinished roll. Its nodes keep their states.
  [[nodiscard]] Result<Done, CommandError> abandon(std::string_view pool, const std::string& by);

  /// The last roll of the pool; null if there was none.
  [[nodiscard]] const Roll* find(std::string_view pool) const;
  [[nodiscard]] const Roll* find(HoldId id) const;

 private:
  struct Holding {
    std::string pool;
    std::function<void(const CommandError&)> on_lost;
  };

  [[nodiscard]] Result<Done, CommandError> finish_if_done(const PoolStatus& pool);
  [[nodiscard]] Result<Roll, CommandError> begin(const PoolStatus& pool,
                                                 const Request& request) const;
  [[nodiscard]] Result<Roll, CommandError> resume(const Roll& roll, const PoolStatus& pool,
                                                  const Request& request) const;
  /// Why no change can be made; nothing: it can.
  [[nodiscard]] std::optional<CommandError> refusal() const;
  [[nodiscard]] bool is_held_by_another(const Roll& roll, std::string_view token) const;
  [[nodiscard]] std::string holder_text(const Roll& roll) const;
  [[nodiscard]] Result<Done, CommandError> store(const Roll& roll);
  void end_holdings(std::string_view pool, const CommandError& why);

  RollStore& store_;
  EventLog& events_;
  const Clock& clock_;
  std::function<Role()> role_;
  RollMap rolls_;
  std::map<HoldId, Holding> holdings_;
  HoldId next_ = 1;
  Instant started_;  // when `adopt` was called
};

}  // namespace bonedry::admin
