// Sticky mode `learn`: sessions that are identified by the application's own cookie.

#include "session/affinity.h"
#include "session/value_hash.h"
#include "tests/unit/session/affinity_rig.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::Claim;
using test::RouteDecision;
using test::Served;

class AffinityLearnTest : public test::AffinityTest {
 protected:
  AffinityLearnTest() {
    pool.config.session.sticky = conf::Sticky::learn;
    pool.config.session.cookie = "JSESSIONID";
    rebuild();
  }

  ResponseCookies giving(std::string_view value) const {
    ResponseCookies answer;
    affinity->note_set_cookie("JSESSIONID=" + std::string(value) + "; Path=/; HttpOnly", at("/"),
                              answer);
    // The effect's `value` refers to the field above, which no longer exists at this point.
    answer.effects[0].value = value;
    return answer;
  }

  /// A request with this value (empty: none) and its response. `free_choice` is the node that the
  /// balancer would choose.
  Served click(std::string_view value, std::size_t free_choice,
               const ResponseCookies& answer = {}) {
    SessionBinding binding =
        value.empty() ? affinity->find_session({}, clock.now()) : arrive(value);
    Served served{binding.claim, RouteDecision::new_session, free_choice, false};
    if (binding.claim != Claim::none) {
      served.decision = balancer::route(binding.claim, pool.nodes[binding.node],
                                        balancer::Reachable::yes, pool.config.session.on_lost);
      if (served.decision == RouteDecision::session_node) served.node = binding.node;
    }
    served.node = affinity->bind(binding, served.decision, served.node, clock.now());
    EXPECT_EQ(affinity->on_response(binding, served.node, answer), "") << "we set no cookie";
    affinity->release(binding, clock.now());
    return served;
  }

  [[nodiscard]] std::uint64_t logged_out(std::size_t node) const {
    return pool.nodes[node].node->counters.logged_out;
  }
};

TEST_F(AffinityLearnTest, TheCookieIsTheApplicationsAndGoesOnToIt) {
  EXPECT_EQ(affinity->owner(), Affinity::Owner::application);
  EXPECT_EQ(affinity->cookie_name(), "JSESSIONID");
}

TEST_F(AffinityLearnTest, AGivenValuePinsItsUserAndIsLiveWhenItComesBack) {
  EXPECT_EQ(click("", kBob, giving("one")).claim, Claim::none);
  EXPECT_EQ(on(kBob), "0 live, 1 pending");
  for (int i = 0; i < 3; ++i) {
    const Served back = click("one", kAlice);
    EXPECT_EQ(back.claim, Claim::session);
    EXPECT_EQ(back.node, kBob);
  }
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(counters(kBob), "new 1, moved 0, rescued 0, late 0");
}

TEST_F(AffinityLearnTest, WhoHasNoValueAndGetsNoneHasNoSession) {
  click("", kBob);
  EXPECT_EQ(ledger.totals().sessions, 0U);
}

TEST_F(AffinityLearnTest, AnUnknownValueIsPinnedWhereItWasAnswered) {
  EXPECT_EQ(click("unknown", kBob).claim, Claim::none);
  EXPECT_EQ(on(kBob), "0 live, 1 pending");
  EXPECT_EQ(click("unknown", kAlice).node, kBob);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityLearnTest, AnUnknownValueThatIsReplacedIsForgotten) {
  click("expired", kBob, giving("fresh"));
  EXPECT_EQ(on(kBob), "0 live, 1 pending");
  EXPECT_EQ(click("expired", kAlice).claim, Claim::none);
  EXPECT_EQ(click("fresh", kAlice).node, kBob);
}

TEST_F(AffinityLearnTest, TheFirstKnownOfSeveralValuesCounts) {
  click("", kBob, giving("known"));
  SessionBinding binding = arrive(std::vector<std::string_view>{"", "unknown", "known"});
  EXPECT_EQ(binding.claim, Claim::session);
  EXPECT_EQ(binding.node, kBob);
  affinity->release(binding, clock.now());
}

TEST_F(AffinityLearnTest, SoDoesAKnownOneBehindAllThatABrowserKeeps) {
  click("", kBob, giving("known"));
  std::vector<std::string> values;
  for (int i = 0; i < 180; ++i) values.push_back("planted" + std::to_string(i));
  values.emplace_back("known");
  SessionBinding binding = arrive(std::vector<std::string_view>(values.begin(), values.end()));
  EXPECT_EQ(binding.claim, Claim::session);
  EXPECT_EQ(binding.node, kBob);
  affinity->release(binding, clock.now());
}

TEST_F(AffinityLearnTest, OfSeveralUnknownValuesTheFirstIsPinned) {
  SessionBinding binding = arrive(std::vector<std::string_view>{"", "first", "second"});
  (void)affinity->on_response(binding, kBob, {});
  affinity->release(binding, clock.now());
  EXPECT_EQ(click("second", kAlice).claim, Claim::none);
  EXPECT_EQ(click("first", kAlice).node, kBob);
}

TEST_F(AffinityLearnTest, ANewValueAtALoginIsLiveAtOnceAndCountedOnce) {
  click("", kBob, giving("guest"));
  click("guest", kAlice, giving("member"));
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(ledger.totals().sessions, 1U);
  EXPECT_EQ(counters(kBob), "new 1, moved 0, rescued 0, late 0") << "it is the same user";
  EXPECT_EQ(logged_out(kBob), 0U);
  EXPECT_EQ(click("member", kAlice).node, kBob);
  EXPECT_EQ(click("guest", kCarol).node, kBob) << "it was on its way";
  pass(minutes{21});
  EXPECT_EQ(click("guest", kCarol).claim, Claim::none);
}

TEST_F(AffinityLearnTest, AtNoMomentOfALoginIsTheUserUncounted) {
  click("", kBob, giving("guest"));
  click("guest", kBob);
  SessionBinding binding = arrive("guest");
  (void)affinity->on_response(binding, kBob, giving("member"));
  EXPECT_EQ(on(kBob), "1 live, 0 pending") << "while the exchange is still open";
  pass(hours{1});
  EXPECT_EQ(on(kBob), "1 live, 0 pending") << "which holds the new session";
  affinity->release(binding, clock.now());
  expect_nothing_held();
}

TEST_F(AffinityLearnTest, NoLoginOutwitsTheMaximumLifetime) {
  click("", kBob, giving("value 0"));
  for (int i = 0; i < 50; ++i) {
    pass(minutes{15});
    const std::string next = "value " + std::to_string(i + 1);
    const Served served = click("value " + std::to_string(i), kAlice, giving(next));
    if (served.claim == Claim::none) {
      EXPECT_EQ(i, 47) << "12 hours after the very beginning";
      return;
    }
    ASSERT_EQ(served.node, kBob);
  }
  FAIL() << "it lives for ever";
}

TEST_F(AffinityLearnTest, TheSameValueGivenAgainChangesNothing) {
  click("", kBob, giving("one"));
  click("one", kAlice, giving("one"));
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(click("one", kAlice).node, kBob);
}

TEST_F(AffinityLearnTest, AClearedCookieIsALogout) {
  click("", kBob, giving("one"));
  click("one", kBob);
  SessionBinding binding = arrive("one");
  ResponseCookies answer;
  affinity->note_set_cookie("JSESSIONID=; Max-Age=0", at("/"), answer);
  EXPECT_EQ(affinity->on_response(binding, kBob, answer), "") << "nothing of ours is to be cleared";
  EXPECT_EQ(binding.user, UserStatus::logged_out);
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
  EXPECT_EQ(logged_out(kBob), 1U);
  affinity->release(binding, clock.now());
  EXPECT_EQ(click("one", kCarol).claim, Claim::none);
}

TEST_F(AffinityLearnTest, AValueThatIsGivenAtALogoutIsNotPinned) {
  click("", kBob, giving("member"));
  ResponseCookies answer = giving("guest");
  answer.user = UserStatus::logged_out;
  click("member", kBob, answer);
  EXPECT_EQ(ledger.totals().sessions, 0U);
  EXPECT_EQ(click("guest", kCarol).claim, Claim::none);
}

TEST_F(AffinityLearnTest, WhoMustGoElsewhereKeepsTheKey) {
  for (const std::string value : {"late", "moved"}) {
    activate(kAlice);
    click("", kAlice, giving(value));
    click(value, kAlice);
    value == "late" ? shut(kAlice) : displace(kAlice);
    const Served served = click(value, kBob);
    EXPECT_EQ(served.decision, value == "late" ? RouteDecision::late : RouteDecision::moved);
    EXPECT_EQ(served.node, kBob);
    EXPECT_EQ(click(value, kCarol).node, kBob);
    EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  }
  EXPECT_EQ(counters(kAlice), "new 2, moved 1, rescued 0, late 1");
}

TEST_F(AffinityLearnTest, AUserOfANodeThatIsGoneIsNewUnderTheSameValue) {
  click("", kCarol, giving("one"));
  click("one", kCarol);
  displace(kCarol);
  pool.nodes.pop_back();
  rebuild();
  EXPECT_EQ(click("one", kBob).claim, Claim::none);
  EXPECT_EQ(on(kBob), "1 live, 0 pending") << "the value came back long ago";
  EXPECT_EQ(click("one", kAlice).node, kBob);
}

TEST_F(AffinityLearnTest, OfTwoFirstRequestsWithOneValueBothAreOnTheNodeOfTheFirst) {
  SessionBinding one = arrive("unknown");
  SessionBinding two = arrive("unknown");
  (void)affinity->on_response(one, kAlice, {});
  (void)affinity->on_response(two, kBob, {});
  EXPECT_EQ(ledger.totals().sessions, 1U);
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
  EXPECT_EQ(counters(kBob), "new 0, moved 0, rescued 0, late 0");
  affinity->release(one, clock.now());
  affinity->release(two, clock.now());
  EXPECT_EQ(click("unknown", kBob).node, kAlice);
  expect_nothing_held();
}

TEST_F(AffinityLearnTest, WhoseTopologyIsOlderTakesNobodyOffTheNodeOfTheFirst) {
  const balancer::PoolView newer = pool;
  const auto other = make_affinity(newer, secrets, ledger, clock);
  shut(kAlice);  // in this worker's topology
  SessionBinding earlier = arrive("unknown");
  SessionBinding first = other->find_session(std::vector<std::string_view>{"unknown"}, clock.now());
  (void)other->on_response(first, kAlice, {});
  (void)affinity->on_response(earlier, kBob, {});
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
  affinity->release(earlier, clock.now());
  other->release(first, clock.now());
  expect_nothing_held();
}

TEST_F(AffinityLearnTest, ValuesOfTheOldSecretAreKnownWhileItRotates) {
  click("", kBob, giving("old"));
  secrets.insert(secrets.begin(), "a brand new secret, 32 and more of it");
  rebuild();
  EXPECT_EQ(click("old", kAlice, giving("old")).node, kBob);
  EXPECT_EQ(click("old", kAlice).node, kBob) << "given again, it is still the same";
  click("", kAlice, giving("new"));
  secrets.pop_back();
  rebuild();
  EXPECT_EQ(click("new", kBob).node, kAlice) << "new ones are under the first";
  EXPECT_EQ(click("old", kAlice).claim, Claim::none);
}

TEST_F(AffinityLearnTest, AValueSaysNothingToALedgerThatWasLost) {
  click("", kBob, giving("one"));
  click("one", kBob);
  pass(hours{1});
  pool.ledger_complete_at = clock.now() + hours{1};
  EXPECT_EQ(click("one", kAlice).claim, Claim::none);
  EXPECT_EQ(on(kAlice), "0 live, 1 pending");
}

TEST_F(AffinityLearnTest, TheLedgerNamesASessionByTheHashOfItsValue) {
  click("", kBob, giving("3F2504E04F8911D39A0C0305E82C3301"));
  std::vector<SessionInfo> listed;
  for (std::size_t part = 0; part < ledger.parts(); ++part) {
    ledger.for_each(part, [&](NodeSlot, const SessionInfo& info) { listed.push_back(info); });
  }
  ASSERT_EQ(listed.size(), 1U);
  ValueHash hash(secrets, "shop");
  EXPECT_EQ(listed[0].key, hash.key(0, "3F2504E04F8911D39A0C0305E82C3301"));
}

}  // namespace
}  // namespace bonedry::session
