#include "session/sealed_affinity.h"
#include "tests/unit/session/affinity_rig.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::Claim;
using test::RouteDecision;
using test::Served;

class AffinityTest : public test::AffinityTest {
 protected:
  /// A well-formed cookie with this number and an invalid seal.
  [[nodiscard]] std::string forged(std::uint64_t number) const {
    const auto sealed = CookieSealer(secrets, "shop").seal({{1, number}, 0, clock.wall()});
    std::string value(sealed.data(), sealed.size());
    value[40] = value[40] == 'A' ? 'B' : 'A';
    return value;
  }
  static std::vector<std::string_view> views_of(const std::vector<std::string>& values) {
    return {values.begin(), values.end()};
  }
};

TEST_F(AffinityTest, ANewUserGoesAnywhereAndIsPending) {
  std::string cookie;
  const Served first = serve(cookie, kBob);
  EXPECT_EQ(first.claim, Claim::none);
  EXPECT_EQ(first.node, kBob);
  EXPECT_TRUE(first.new_cookie);
  EXPECT_EQ(on(kBob), "0 live, 1 pending");
  EXPECT_EQ(counters(kBob), "new 1, moved 0, rescued 0, late 0");
}

TEST_F(AffinityTest, AUserWhoComesBackIsLiveOnTheSameNode) {
  std::string cookie;
  serve(cookie, kBob);
  for (int i = 0; i < 3; ++i) {
    const Served again = serve(cookie, kAlice);
    EXPECT_EQ(again.claim, Claim::session);
    EXPECT_EQ(again.decision, RouteDecision::session_node);
    EXPECT_EQ(again.node, kBob);
    EXPECT_FALSE(again.new_cookie);
  }
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(counters(kBob), "new 1, moved 0, rescued 0, late 0");
  EXPECT_EQ(ledger.totals().sessions, 1U);
}

TEST_F(AffinityTest, AVisitHoldsItsSessionUntilItLeaves) {
  const std::string cookie = user_on(kAlice);
  SessionBinding binding = arrive(cookie);
  ASSERT_TRUE(binding.held);
  pass(minutes{30});
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
  affinity->release(binding, clock.now());
  affinity->release(binding, clock.now());  // nothing is left to release
  expect_nothing_held();
}

TEST_F(AffinityTest, ABleedingNodeKeepsItsUsers) {
  std::string cookie = user_on(kAlice);
  bleed(kAlice);
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.node, kAlice);
  EXPECT_FALSE(click.new_cookie);
}

TEST_F(AffinityTest, AForgedCookieIsNobodys) {
  std::string cookie;
  serve(cookie, kAlice);
  for (std::size_t at = 0; at < cookie.size(); ++at) {
    std::string forged = cookie;
    forged[at] = forged[at] == 'x' ? 'y' : 'x';
    const SessionBinding binding = arrive(forged);
    EXPECT_EQ(binding.claim, Claim::none) << at;
    EXPECT_FALSE(binding.held) << at;
  }
  EXPECT_EQ(on(kAlice), "0 live, 1 pending") << "and it does not make the true session live";
}

TEST_F(AffinityTest, GarbageIsNobodysCookie) {
  for (const char* value : {"", "x", "deleted", "%00", "alice"}) {
    EXPECT_EQ(arrive(value).claim, Claim::none) << value;
  }
}

TEST_F(AffinityTest, ACookieSealedByAnotherSecretIsNobodys) {
  std::string cookie = user_on(kAlice);
  MappedLedger other_ledger(10, clock.now());
  const std::vector<std::string> others{"quite another secret, also 32+ long"};
  balancer::PoolView theirs = pool;
  theirs.ledger_complete_at = clock.now() + hours{1};
  SealedAffinity stranger(theirs, others, other_ledger, clock);
  const std::vector<std::string_view> values{cookie};
  EXPECT_EQ(stranger.find_session(values, clock.now()).claim, Claim::none);
  EXPECT_EQ(other_ledger.totals().sessions, 0U);
}

TEST_F(AffinityTest, TheFirstGenuineOfTwoCookiesCounts) {
  const std::string one = user_on(kAlice);
  const std::string two = user_on(kBob);
  SessionBinding first = arrive({one, two});
  EXPECT_EQ(first.node, kAlice);
  SessionBinding second = arrive({two, one});
  EXPECT_EQ(second.node, kBob);
  SessionBinding behind_garbage = arrive({"garbage", std::string(kCookieLength, 'A'), two});
  EXPECT_EQ(behind_garbage.claim, Claim::session);
  EXPECT_EQ(behind_garbage.node, kBob);
  for (SessionBinding* binding : {&first, &second, &behind_garbage})
    affinity->release(*binding, clock.now());
  expect_nothing_held();
}

// The other cookies have a longer path or come from a sister domain, where anyone who may set
// cookies can plant any number.
TEST_F(AffinityTest, HoweverManyCookiesStandBeforeItALiveOneCounts) {
  const std::string ended = user_on(kAlice);
  pass(std::chrono::minutes{21});
  const std::string live = user_on(kBob);
  bleed(kBob);
  for (const std::string& planted : {std::string("x"), ended, forged(1)}) {
    std::vector<std::string> values(2 * CryptoBudget::kMaxVerifications, planted);
    values.push_back(live);
    SessionBinding binding = arrive(views_of(values));
    EXPECT_EQ(binding.claim, Claim::session) << planted;
    EXPECT_EQ(binding.node, kBob) << planted;
    affinity->release(binding, clock.now());
  }
}

TEST_F(AffinityTest, SoDoesOneThatMustBeVerifiedBehindAllThatABrowserKeeps) {
  const std::string older = user_on(kBob);
  SessionBinding renewed = arrive(older);
  clock.jump_wall(seconds{5});
  (void)another_cookie(renewed);
  affinity->release(renewed, clock.now());
  std::vector<std::string> values;
  for (std::size_t i = 0; i < 180; ++i) values.push_back(forged(i));
  values.push_back(older);
  SessionBinding binding = arrive(views_of(values));
  EXPECT_EQ(binding.claim, Claim::session);
  EXPECT_EQ(binding.node, kBob);
  affinity->release(binding, clock.now());
}

TEST_F(AffinityTest, ForgeriesCostNoMoreThanSoMuchCryptographyARequest) {
  const std::string genuine = user_on(kBob);
  pass(std::chrono::minutes{21});
  std::vector<std::string> values;
  for (std::size_t i = 1; i < CryptoBudget::kMaxVerifications; ++i) values.push_back(forged(i));
  values.push_back(genuine);
  EXPECT_EQ(arrive(views_of(values)).claim, Claim::ended);
  values.insert(values.begin(), forged(0));
  EXPECT_EQ(arrive(views_of(values)).claim, Claim::none) << "one more is not opened";
}

TEST_F(AffinityTest, ACookieOfANodeThatIsGoneIsNobodys) {
  const std::string carols = user_on(kCarol);
  const std::string bobs = user_on(kBob);
  pool.nodes.pop_back();
  rebuild();
  const SessionBinding binding = arrive(carols);
  EXPECT_EQ(binding.claim, Claim::none);
  EXPECT_FALSE(binding.held);
  SessionBinding other = arrive({carols, bobs});
  EXPECT_EQ(other.claim, Claim::session) << "the next cookie is looked at";
  EXPECT_EQ(other.node, kBob);
  affinity->release(other, clock.now());
  expect_nothing_held();
}

TEST_F(AffinityTest, ANodeThatIsGoneIsUnknownWithoutALedgerToo) {
  const std::string carols = user_on(kCarol);
  pool.nodes.pop_back();
  rebuild();
  pass(hours{1});
  pool.ledger_complete_at = clock.now() + hours{1};
  EXPECT_EQ(arrive(carols).claim, Claim::none);
}

TEST_F(AffinityTest, ACookieOfAnotherPoolIsNobodysAndDisturbsNobody) {
  balancer::PoolView blog;
  blog.config.name = "blog";
  balancer::NodeView& node = blog.nodes.emplace_back();
  node.slot = ledger.slot_of("blog/alice");
  ledger.set_times(node.slot, {minutes{20}, minutes{20}, hours{12}});
  node.node = std::make_shared<balancer::Node>("blog", "alice", ledger.counts(node.slot));
  SealedAffinity blogs(blog, secrets, ledger, clock);
  SessionBinding reader = blogs.find_session({}, clock.now());
  const std::string cookie = value_of(blogs.on_response(reader, 0, {}));
  blogs.release(reader, clock.now());

  const SessionBinding binding = arrive(cookie);
  EXPECT_EQ(binding.claim, Claim::none);
  EXPECT_FALSE(binding.held);
  EXPECT_EQ(ledger.counts(node.slot).read().all(), 1);
  const std::vector<std::string_view> values{cookie};
  SessionBinding again = blogs.find_session(values, clock.now());
  EXPECT_EQ(again.claim, Claim::session);
  blogs.release(again, clock.now());
  expect_nothing_held();
}

TEST_F(AffinityTest, ACookieOfAnotherPoolIsToldFromAForgedOne) {
  CookieSealer of_blog{secrets, "blog"};
  const auto sealed = of_blog.seal({random_session_key(), 1, clock.wall()});
  std::string cookie(sealed.data(), sealed.size());
  EXPECT_EQ(arrive(cookie).claim, Claim::none);
  EXPECT_EQ(pool.counters->foreign_cookies, 0U);
  pool.siblings = {"effects", "blog"};
  rebuild();
  EXPECT_EQ(arrive(cookie).claim, Claim::none);
  EXPECT_EQ(pool.counters->foreign_cookies, 1U);
  cookie[40] = cookie[40] == 'A' ? 'B' : 'A';
  EXPECT_EQ(arrive(cookie).claim, Claim::none);
  EXPECT_EQ(pool.counters->foreign_cookies, 1U);
  const std::string ours = user_on(kAlice);
  EXPECT_EQ(arrive(ours).claim, Claim::session);
  EXPECT_EQ(pool.counters->foreign_cookies, 1U);
}

TEST_F(AffinityTest, AfterItsTimeAUserOfAnActiveNodeFindsItAgainAsLate) {
  std::string cookie = user_on(kAlice);
  const SessionKey key = peek(cookie)->key;
  pass(minutes{21});
  ASSERT_EQ(on(kAlice), "0 live, 0 pending");
  const Served back = serve(cookie, kBob);
  EXPECT_EQ(back.claim, Claim::ended);
  EXPECT_EQ(back.decision, RouteDecision::session_node);
  EXPECT_EQ(back.node, kAlice);
  EXPECT_TRUE(back.new_cookie);
  EXPECT_EQ(peek(cookie)->key, key);
  EXPECT_EQ(on(kAlice), "1 live, 0 pending") << "the cookie came back, so it is no crawler";
  EXPECT_EQ(counters(kAlice), "new 2, moved 0, rescued 0, late 1");
  EXPECT_EQ(serve(cookie, kBob).claim, Claim::session);
}

TEST_F(AffinityTest, AfterItsTimeAUserOfABleedingNodeGoesElsewhere) {
  std::string cookie = user_on(kAlice);
  bleed(kAlice);
  pass(minutes{21});
  const Served back = serve(cookie, kBob);
  EXPECT_EQ(back.claim, Claim::ended);
  EXPECT_EQ(back.decision, RouteDecision::late);
  EXPECT_EQ(back.node, kBob);
  EXPECT_TRUE(back.new_cookie);
  EXPECT_EQ(on(kAlice), "0 live, 0 pending") << "the bleeding node stays empty";
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 1");
  EXPECT_EQ(counters(kBob), "new 1, moved 0, rescued 0, late 0");
}

TEST_F(AffinityTest, AfterItsTimeAUserOfADryNodeGoesElsewhere) {
  std::string cookie = user_on(kAlice);
  pass(minutes{21});
  shut(kAlice);
  const Served back = serve(cookie, kBob);
  EXPECT_EQ(back.decision, RouteDecision::late);
  EXPECT_EQ(back.node, kBob);
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 1");
}

TEST_F(AffinityTest, AfterItsTimeAUserOfADeadNodeGoesElsewhere) {
  std::string cookie = user_on(kAlice);
  pass(minutes{21});
  break_down(kAlice);
  const Served back = serve(cookie, kBob);
  EXPECT_EQ(back.decision, RouteDecision::late);
  EXPECT_EQ(back.node, kBob);
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 1");
}

TEST_F(AffinityTest, AnEvictedUserIsTakenBackInOnTheSameNode) {
  std::string cookie;
  serve(cookie, kAlice);
  for (int i = 0; i < 1500; ++i) {
    std::string crawler;
    serve(crawler, kBob);
  }
  ASSERT_EQ(on(kAlice), "0 live, 0 pending");
  const Served back = serve(cookie, kCarol);
  EXPECT_EQ(back.claim, Claim::session);
  EXPECT_EQ(back.decision, RouteDecision::session_node);
  EXPECT_EQ(back.node, kAlice);
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 0");
}

TEST_F(AffinityTest, AnEvictedUserWhoComesTooLateIsLate) {
  std::string cookie = user_on(kAlice);
  for (int i = 0; i < 1500; ++i) {
    // Live sessions: crawlers' sessions would be evicted before alice's user.
    std::string other;
    serve(other, kBob);
    serve(other, kBob);
  }
  ASSERT_EQ(on(kAlice), "0 live, 0 pending");
  pass(minutes{21});
  const Served back = serve(cookie, kCarol);
  EXPECT_EQ(back.claim, Claim::ended);
  EXPECT_EQ(counters(kAlice), "new 2, moved 0, rescued 0, late 1");
}

TEST_F(AffinityTest, AnEvictedUserOfANodeThatIsShutIsLate) {
  std::string cookie;
  serve(cookie, kAlice);
  for (int i = 0; i < 1500; ++i) {
    std::string crawler;
    serve(crawler, kBob);
  }
  shut(kAlice);
  const Served back = serve(cookie, kBob);
  EXPECT_EQ(back.decision, RouteDecision::late);
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
}

TEST_F(AffinityTest, ADeadlineMovesAUserAtTheNextRequest) {
  std::string cookie = user_on(kAlice);
  displace(kAlice);
  ASSERT_EQ(on(kAlice), "0 live, 0 pending");
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.claim, Claim::displaced);
  EXPECT_EQ(click.decision, RouteDecision::moved);
  EXPECT_EQ(click.node, kBob);
  EXPECT_TRUE(click.new_cookie);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 1, rescued 0, late 0");
  EXPECT_EQ(counters(kBob), "new 1, moved 0, rescued 0, late 0");
  const Served next = serve(cookie, kAlice);
  EXPECT_EQ(next.node, kBob);
  EXPECT_FALSE(next.new_cookie);
}

TEST_F(AffinityTest, TheOldCookieOfAMovedUserFindsTheSessionAndIsReplaced) {
  std::string cookie = user_on(kAlice);
  std::string another_tab = cookie;
  displace(kAlice);
  ASSERT_EQ(serve(cookie, kBob).node, kBob);

  const Served click = serve(another_tab, kCarol);
  EXPECT_EQ(click.claim, Claim::session);
  EXPECT_EQ(click.node, kBob);
  EXPECT_TRUE(click.new_cookie);
  EXPECT_EQ(counters(kAlice), "new 1, moved 1, rescued 0, late 0") << "moved once";
  EXPECT_EQ(ledger.totals().sessions, 1U);
  const Served next = serve(another_tab, kCarol);
  EXPECT_EQ(next.node, kBob);
  EXPECT_FALSE(next.new_cookie);
}

TEST_F(AffinityTest, TwoCookiesOfOneSessionThatNameTheSameNodeAreBothGood) {
  // One was sealed some seconds after the other; nothing else differs.
  std::string cookie = user_on(kAlice);
  SessionBinding binding = arrive(cookie);
  clock.jump_wall(seconds{5});
  const std::string newer = another_cookie(binding);
  affinity->release(binding, clock.now());
  ASSERT_NE(newer, cookie);
  for (int i = 0; i < 3; ++i) {
    for (std::string one : {cookie, newer}) {
      const Served click = serve(one, kBob);
      EXPECT_EQ(click.claim, Claim::session);
      EXPECT_EQ(click.node, kAlice);
      EXPECT_FALSE(click.new_cookie);
    }
  }
}

TEST_F(AffinityTest, ACookieThatWasVerifiedOnceNeedsNoCryptographyTheNextTime) {
  std::string cookie = user_on(kAlice);
  SessionBinding binding = arrive(cookie);
  clock.jump_wall(seconds{5});
  (void)another_cookie(binding);  // is lost on the way
  affinity->release(binding, clock.now());
  const CookiePeek peeked = *peek(cookie);
  EXPECT_EQ(ledger.open(peeked.key, peeked.fingerprint, clock.now()).miss, Ledger::Miss::mismatch);
  EXPECT_EQ(serve(cookie, kBob).node, kAlice);
  const auto opened = ledger.open(peeked.key, peeked.fingerprint, clock.now()).opened;
  ASSERT_TRUE(opened) << "the ledger knows it as it is";
  ledger.close(opened->ref, clock.now());
}

TEST_F(AffinityTest, AUserWhoIsStillThereWhenTheDoorShutsIsLate) {
  // A worker let the user in just before it learned that the door is shut.
  std::string cookie = user_on(kAlice);
  shut(kAlice);
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.decision, RouteDecision::late);
  EXPECT_EQ(click.node, kBob);
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 1");
}

TEST_F(AffinityTest, ADeadNodesUserIsRescuedAndStaysWhereHeWasPut) {
  std::string cookie = user_on(kAlice);
  break_down(kAlice);
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.decision, RouteDecision::rescued);
  EXPECT_EQ(click.node, kBob);
  EXPECT_TRUE(click.new_cookie);
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 1, late 0");
  pool.nodes[kAlice].node->set_health(balancer::Health::up);
  EXPECT_EQ(serve(cookie, kAlice).node, kBob);
}

TEST_F(AffinityTest, AnActivatedNodeGetsBackThoseWhoWereDisplacedAndNotMovedYet) {
  std::string cookie = user_on(kAlice);
  displace(kAlice);
  activate(kAlice);
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.claim, Claim::displaced);
  EXPECT_EQ(click.node, kAlice);
  EXPECT_FALSE(click.new_cookie);
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 0");
  EXPECT_EQ(serve(cookie, kBob).claim, Claim::session);
}

TEST_F(AffinityTest, WhoeverIsDisplacedStaysOffANodeThatBleedsAgain) {
  std::string cookie = user_on(kAlice);
  displace(kAlice);
  activate(kAlice);
  bleed(kAlice);
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.decision, RouteDecision::moved);
  EXPECT_EQ(click.node, kBob);
  EXPECT_EQ(counters(kAlice), "new 1, moved 1, rescued 0, late 0");
}

TEST_F(AffinityTest, OfTwoRequestsThatAreMovedTheSecondFollowsTheFirst) {
  const std::string cookie = user_on(kAlice);
  displace(kAlice);
  SessionBinding page = arrive(cookie);
  SessionBinding picture = arrive(cookie);
  EXPECT_EQ(affinity->bind(page, RouteDecision::moved, kBob, clock.now()), kBob);
  EXPECT_EQ(affinity->bind(picture, RouteDecision::moved, kCarol, clock.now()), kBob);
  EXPECT_EQ(picture.node, kBob);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(on(kCarol), "0 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 1, rescued 0, late 0");
  EXPECT_EQ(counters(kCarol), "new 0, moved 0, rescued 0, late 0");
  affinity->release(page, clock.now());
  affinity->release(picture, clock.now());
  expect_nothing_held();
}

TEST_F(AffinityTest, SixRequestsOfOneUserAreOneRescue) {
  // A browser requests the images of a page in parallel; all six requests find the node dead.
  const std::string cookie = user_on(kAlice);
  std::vector<SessionBinding> visits;
  for (int i = 0; i < 6; ++i) visits.push_back(arrive(cookie));
  for (SessionBinding& binding : visits) {
    EXPECT_EQ(affinity->bind(binding, RouteDecision::rescued, kBob, clock.now()), kBob);
  }
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 1, late 0");
  EXPECT_EQ(counters(kBob), "new 1, moved 0, rescued 0, late 0");
  for (SessionBinding& binding : visits) affinity->release(binding, clock.now());
}

TEST_F(AffinityTest, TwoRequestsOfAUserWhoIsLateAreOneLateSession) {
  // They reach two workers at the same moment.
  const std::string cookie = user_on(kAlice);
  bleed(kAlice);
  pass(minutes{21});
  SessionBinding one = arrive(cookie);
  SessionBinding two = arrive(cookie);
  ASSERT_EQ(two.claim, Claim::ended);
  EXPECT_EQ(affinity->bind(one, RouteDecision::late, kBob, clock.now()), kBob);
  EXPECT_EQ(affinity->bind(two, RouteDecision::late, kCarol, clock.now()), kBob);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 1");
  EXPECT_EQ(counters(kBob), "new 1, moved 0, rescued 0, late 0");
  EXPECT_EQ(counters(kCarol), "new 0, moved 0, rescued 0, late 0");
  affinity->release(one, clock.now());
  affinity->release(two, clock.now());
}

TEST_F(AffinityTest, AUserWhoIsLateDoesNotFollowToANodeThatIsShutMeanwhile) {
  std::string cookie = user_on(kCarol);
  pass(minutes{20});
  shut(kCarol);
  SessionBinding held_up = arrive(cookie);
  ASSERT_EQ(held_up.claim, Claim::ended);
  std::string same = cookie;  // at a worker that does not know yet that alice will be shut
  ASSERT_EQ(serve(same, kAlice).node, kAlice);
  displace(kAlice);
  EXPECT_EQ(affinity->bind(held_up, RouteDecision::late, kBob, clock.now()), kBob);
  affinity->release(held_up, clock.now());
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityTest, NobodyFollowsToANodeThatOnlyAnotherWorkerHoldsOpen) {
  std::string late = user_on(kCarol);
  pass(minutes{20});
  std::string late_again = late;
  std::string moved = user_on(kCarol);
  std::string moved_again = moved;
  shut(kCarol);
  SessionBinding ended = arrive(late);
  SessionBinding there = arrive(moved);
  // At a worker that does not know yet that alice is shut.
  ASSERT_EQ(serve(late_again, kAlice).node, kAlice);
  ASSERT_EQ(serve(moved_again, kAlice).node, kAlice);
  shut(kAlice);
  EXPECT_EQ(affinity->bind(ended, RouteDecision::late, kBob, clock.now()), kBob);
  EXPECT_EQ(affinity->bind(there, RouteDecision::late, kBob, clock.now()), kBob);
  affinity->release(ended, clock.now());
  affinity->release(there, clock.now());
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(on(kBob), "2 live, 0 pending");
}

TEST_F(AffinityTest, AUserWhoseNewCookieWasLostOnTheWayIsFoundByTheOldOne) {
  std::string cookie = user_on(kAlice);
  pass(minutes{21});
  SessionBinding lost = arrive(cookie);
  ASSERT_EQ(lost.claim, Claim::ended);
  (void)affinity->bind(lost, RouteDecision::session_node, kAlice, clock.now());
  (void)another_cookie(lost);  // is lost on the way
  affinity->release(lost, clock.now());

  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.claim, Claim::session);
  EXPECT_EQ(click.node, kAlice);
  EXPECT_EQ(ledger.totals().sessions, 1U);
}

TEST_F(AffinityTest, WithoutStickinessThereIsNoSession) {
  std::string cookie = user_on(kAlice);
  pass(hours{1});
  pool.config.session.sticky = conf::Sticky::none;
  rebuild();
  EXPECT_FALSE(affinity->sticky());
  SessionBinding binding = arrive(cookie);
  EXPECT_EQ(binding.claim, Claim::none);
  EXPECT_EQ(affinity->bind(binding, RouteDecision::new_session, kBob, clock.now()), kBob);
  EXPECT_FALSE(binding.held);
  affinity->release(binding, clock.now());
  EXPECT_EQ(ledger.totals().sessions, 0U);
}

TEST_F(AffinityTest, AnEndedSessionsCookieTakesNobodyAway) {
  std::string ended = user_on(kAlice);
  {
    SessionBinding binding = arrive(ended);
    ResponseCookies left;
    left.user = UserStatus::logged_out;
    (void)on_response(binding, left);
    affinity->release(binding, clock.now());
  }
  const std::string live = user_on(kBob);
  bleed(kBob);
  for (const auto& cookies :
       {std::vector<std::string_view>{ended, live}, std::vector<std::string_view>{live, ended},
        std::vector<std::string_view>{"forged", ended, "x", live}}) {
    SessionBinding binding = arrive(cookies);
    EXPECT_EQ(binding.claim, Claim::session);
    EXPECT_EQ(binding.node, kBob);
    affinity->release(binding, clock.now());
  }
}

}  // namespace
}  // namespace bonedry::session
