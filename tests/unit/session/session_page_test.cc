#include "session/session_page.h"

#include "session/mapped_ledger.h"
#include "session/session_listing.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace bonedry::session {
namespace {

using test::key_of;

/// Sessions whose order differs by idle time, age and exchanges, with ties in each order.
std::vector<SessionInfo> crowd() {
  std::vector<SessionInfo> all;
  for (std::uint64_t i = 0; i < 100; ++i) {
    SessionInfo info;
    info.key = key_of(i);
    info.state = i % 10 == 0 ? SessionState::pending : SessionState::live;
    info.created = Instant{static_cast<std::int64_t>(1000 + i * 37 % 50)};
    info.last = Instant{static_cast<std::int64_t>(2000 + i * 13 % 20)};
    info.exchanges = static_cast<std::uint32_t>(1 + i * 7 % 30);
    info.ends = info.last + Millis{500 + static_cast<std::int64_t>(i)};
    all.push_back(info);
  }
  std::shuffle(all.begin(), all.end(), std::mt19937{7});
  return all;
}

SessionPage page_of(const std::vector<SessionInfo>& all, const SessionQuery& query) {
  SessionPager pager(query);
  for (const SessionInfo& info : all) pager.show(info);
  return std::move(pager).take();
}

std::vector<SessionInfo> whole_list(SessionOrder order) {
  std::vector<SessionInfo> all;
  for (std::size_t offset = 0; offset < 100; offset += 7) {
    const SessionPage page = page_of(crowd(), {order, offset, 7});
    EXPECT_EQ(page.rows.size(), std::min<std::size_t>(7, 100 - offset));
    all.insert(all.end(), page.rows.begin(), page.rows.end());
  }
  return all;
}

TEST(SessionPage, PagesTogetherAreTheWholeListInEachOrder) {
  for (const auto order : {SessionOrder::idle, SessionOrder::age, SessionOrder::exchanges}) {
    const std::vector<SessionInfo> list = whole_list(order);
    std::vector<SessionKey> keys;
    for (const SessionInfo& info : list) keys.push_back(info.key);
    std::ranges::sort(keys);
    EXPECT_EQ(std::ranges::unique(keys).begin(), keys.end()) << "nobody is on two pages";
    EXPECT_EQ(keys.size(), 100U);
  }
  EXPECT_TRUE(std::ranges::is_sorted(whole_list(SessionOrder::idle), {}, &SessionInfo::last));
  EXPECT_TRUE(std::ranges::is_sorted(whole_list(SessionOrder::age), {}, &SessionInfo::created));
  EXPECT_TRUE(std::ranges::is_sorted(whole_list(SessionOrder::exchanges), std::greater{},
                                     &SessionInfo::exchanges));
}

TEST(SessionPage, SaysWhatIsTrueOfAllWhateverItShows) {
  const std::vector<SessionInfo> all = crowd();
  Instant last{0};
  for (const SessionInfo& info : all) {
    if (info.state == SessionState::pending) last = std::max(last, info.ends);
  }
  for (const std::size_t offset : {0U, 95U, 100U, 4000U}) {
    const SessionPage page = page_of(all, {SessionOrder::idle, offset, 10});
    EXPECT_EQ(page.total, 100U);
    EXPECT_EQ(page.pending, 10U);
    EXPECT_EQ(page.pending_until, last);
    EXPECT_EQ(page.rows.size(), offset < 100 ? std::min<std::size_t>(10, 100 - offset) : 0);
  }
}

TEST(SessionPage, OfNobodyIsEmpty) {
  const SessionPage page = page_of({}, {});
  EXPECT_TRUE(page.rows.empty());
  EXPECT_EQ(page.total, 0U);
  EXPECT_FALSE(page.pending_until);
}

TEST(SessionPage, APendingSessionThatIsHeldHasNoEnd) {
  std::vector<SessionInfo> all = crowd();
  for (SessionInfo& info : all) {
    if (info.state == SessionState::pending) info.ends = kNeverEnds;
  }
  EXPECT_EQ(page_of(all, {}).pending_until, kNeverEnds);
}

TEST(SessionListing, ALargeLedgerIsLookedThroughInPieces) {
  constexpr std::uint64_t kUsers = 120'000;
  const Instant now{1'000'000};
  MappedLedger ledger(kUsers, now);
  const NodeSlot alice = ledger.slot_of("shop/alice");
  const NodeSlot bob = ledger.slot_of("shop/bob");
  for (std::uint64_t user = 0; user < kUsers; ++user) {
    const auto session =
        ledger.begin(key_of(user), 0, user % 3 == 0 ? alice : bob, SessionState::live, now, now);
    ledger.close(session.ref, now);
  }
  SessionListing listing(ledger, alice, {SessionOrder::idle, 0, 10});
  EXPECT_EQ(listing.step(), SessionListing::Progress::more);
  EXPECT_EQ(listing.step(), SessionListing::Progress::done);
  const SessionPage page = std::move(listing).take();
  EXPECT_EQ(page.total, kUsers / 3);
  EXPECT_EQ(page.rows.size(), 10U);
}

}  // namespace
}  // namespace bonedry::session
