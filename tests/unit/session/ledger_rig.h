#pragma once

#include "session/mapped_ledger.h"
#include "session/session_page.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::session::test {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// A simple key; consecutive numbers are spread over the shards.
inline SessionKey key_of(std::uint64_t number) {
  return {number << 32U, number};
}

/// The sessions on a node: "2 live, 1 pending".
inline std::string figures(const Ledger& ledger, NodeSlot slot) {
  const auto counts = ledger.counts(slot).read();
  return std::to_string(counts.live) + " live, " + std::to_string(counts.pending) + " pending";
}

/// A page of the sessions on a node.
inline SessionPage list(const Ledger& ledger, NodeSlot slot, const SessionQuery& query) {
  SessionPager pager(query);
  for (std::size_t part = 0; part < ledger.parts(); ++part) {
    ledger.for_each(part, [&](NodeSlot on, const SessionInfo& info) {
      if (on == slot) pager.show(info);
    });
  }
  return std::move(pager).take();
}

/// The sessions on a node, longest idle first.
inline std::vector<SessionInfo> list(const Ledger& ledger, NodeSlot slot, std::size_t limit) {
  return list(ledger, slot, {SessionOrder::idle, 0, limit}).rows;
}

/// A ledger with alice and bob, and a clock that the test sets.
class LedgerTest : public testing::Test {
 protected:
  static constexpr Millis kIdle = minutes{20};
  static constexpr Millis kPending = minutes{10};
  static constexpr Millis kLifetime = hours{12};
  static constexpr CookieFingerprint kCheck = 77;
  // Expiry runs in ticks of 100 ms: an expired session is gone within two ticks.
  static constexpr Millis kSlack{200};

  explicit LedgerTest(std::size_t capacity = 1000) : ledger(capacity, now) {
    ledger.set_times(alice, {kIdle, kPending, kLifetime});
    ledger.set_times(bob, {kIdle, kPending, kLifetime});
  }

  void sweep() {
    while (ledger.sweep(now)) continue;
  }
  /// Lets time pass; then the main thread sweeps.
  void pass(Millis by) {
    now = now + by;
    sweep();
  }

  [[nodiscard]] std::string on(NodeSlot slot) const { return figures(ledger, slot); }
  [[nodiscard]] std::uint64_t sessions() const { return ledger.totals().sessions; }

  [[nodiscard]] std::vector<SessionInfo> list(NodeSlot slot, std::size_t limit) const {
    return test::list(ledger, slot, limit);
  }

  OpenedSession begin(std::uint64_t number, NodeSlot slot,
                      SessionState state = SessionState::pending) {
    return ledger.begin(key_of(number), kCheck, slot, state, now, now);
  }
  std::optional<OpenedSession> open(std::uint64_t number, CookieFingerprint fingerprint = kCheck) {
    return ledger.open(key_of(number), fingerprint, now).opened;
  }
  void close(const OpenedSession& session) { ledger.close(session.ref, now); }

  /// A first request: the cookie is set and has not come back yet.
  void visit_first(std::uint64_t number, NodeSlot slot) { close(begin(number, slot)); }
  /// A request with the cookie. False if the session is gone.
  bool click(std::uint64_t number) {
    const auto opened = open(number);
    if (opened) close(*opened);
    return opened.has_value();
  }
  void add_live(std::uint64_t number, NodeSlot slot) {
    close(begin(number, slot, SessionState::live));
  }

  Instant now{1'000'000};
  MappedLedger ledger;
  NodeSlot alice = ledger.slot_of("shop/alice");
  NodeSlot bob = ledger.slot_of("shop/bob");
};

}  // namespace bonedry::session::test
