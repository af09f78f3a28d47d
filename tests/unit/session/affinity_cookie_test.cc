// The cookie that an affinity writes, and how cookies are treated after the ledger was lost.

#include "session/affinity.h"
#include "session/sealed_cookie.h"
#include "tests/unit/session/affinity_rig.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace bonedry::session {
namespace {

using conf::SameSite;
using conf::Secure;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::Claim;
using test::RouteDecision;
using test::Served;

class AffinityCookieTest : public test::AffinityTest {
 protected:
  /// The Set-Cookie field with "*" in place of the value: "bonedry=*; Path=/; …".
  std::string frame() {
    rebuild();
    SessionBinding binding = affinity->find_session({}, clock.now());
    std::string text = affinity->on_response(binding, kAlice, {});
    affinity->release(binding, clock.now());
    const std::string value = value_of(text);
    EXPECT_EQ(value.size(), kCookieLength);
    text.replace(text.find(value), value.size(), "*");
    return text;
  }

  /// The proxy restarts without its ledger.
  void lose_ledger() {
    fresh = std::make_unique<MappedLedger>(1000, clock.now());
    for (balancer::NodeView& view : pool.nodes) {
      view.slot = fresh->slot_of(view.node->key());
      fresh->set_times(view.slot, {minutes{20}, minutes{20}, hours{12}});
      view.node =
          std::make_shared<balancer::Node>("shop", view.node->name(), fresh->counts(view.slot));
    }
    pool.ledger_complete_at = clock.now() + minutes{20};
    affinity = make_affinity(pool, secrets, *fresh, clock);
  }

  std::unique_ptr<MappedLedger> fresh;
};

TEST_F(AffinityCookieTest, ItsAttributesAreSafeByDefault) {
  EXPECT_EQ(frame(), "bonedry=*; Path=/; HttpOnly; SameSite=Lax");
}

TEST_F(AffinityCookieTest, ItsAttributesAreThoseOfTheConfig) {
  conf::CookieAttributes& attributes = pool.config.session.attributes;
  pool.config.session.cookie = "shop-node";
  attributes = {"/shop", "example.org", false, SameSite::strict, Secure::always};
  EXPECT_EQ(frame(), "shop-node=*; Path=/shop; Domain=example.org; SameSite=Strict; Secure");
  attributes = {"", "", true, SameSite::none, Secure::always};
  EXPECT_EQ(frame(), "shop-node=*; HttpOnly; SameSite=None; Secure");
  attributes.secure = Secure::never;
  EXPECT_EQ(frame(), "shop-node=*; HttpOnly; SameSite=None");
}

TEST_F(AffinityCookieTest, ItIsFoundUnderTheNameThatItIsWrittenWith) {
  pool.config.session.cookie = "shop-node";
  rebuild();
  EXPECT_EQ(affinity->cookie_name(), "shop-node");
}

TEST_F(AffinityCookieTest, AMovedUsersCookieIsSealedForTheNewNode) {
  std::string cookie = user_on(kAlice);
  displace(kAlice);
  serve(cookie, kBob);
  CookieSealer sealer(secrets, "shop");
  const auto content = sealer.open(cookie);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->node, sealer.node_key(0, "bob"));
}

TEST_F(AffinityCookieTest, ANewCookieOfAnOldSessionTellsTheOldAge) {
  // Otherwise a user who is moved from time to time would outlive max_lifetime across restarts.
  CookieSealer sealer(secrets, "shop");
  std::string cookie = user_on(kAlice);
  const WallTime begun = sealer.open(cookie)->issued;
  pass(minutes{15});
  displace(kAlice);
  ASSERT_TRUE(serve(cookie, kBob).new_cookie);
  EXPECT_EQ(sealer.open(cookie)->issued, begun);
}

TEST_F(AffinityCookieTest, ASessionThatBeginsAnewIsYoungAgain) {
  CookieSealer sealer(secrets, "shop");
  std::string cookie = user_on(kAlice);
  pass(minutes{40});
  ASSERT_TRUE(serve(cookie, kBob).new_cookie);
  EXPECT_LE(clock.wall() - sealer.open(cookie)->issued, seconds{1});
}

TEST_F(AffinityCookieTest, WhileTheLedgerIsIncompleteAnUnknownCookieIsTakenBackInAsLive) {
  std::string cookie = user_on(kAlice);
  lose_ledger();
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.claim, Claim::session);
  EXPECT_EQ(click.decision, RouteDecision::session_node);
  EXPECT_EQ(click.node, kAlice);
  EXPECT_FALSE(click.new_cookie);
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 0, moved 0, rescued 0, late 0") << "it is no new user";
  EXPECT_EQ(serve(cookie, kBob).node, kAlice);
  EXPECT_EQ(on(kAlice), "1 live, 0 pending") << "and once is enough";
}

TEST_F(AffinityCookieTest, WhoCameInTimeIsTakenBackInAlthoughTheProcessStoodStill) {
  std::string cookie = user_on(kAlice);
  lose_ledger();
  fresh->start_sweeping(clock.now());
  clock.advance(hours{13});  // longer than cookies and the lost sessions last
  EXPECT_EQ(serve(cookie, kBob).node, kAlice);
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
}

TEST_F(AffinityCookieTest, ABleedingNodeTakesItsOwnBackIn) {
  std::string cookie = user_on(kAlice);
  lose_ledger();
  bleed(kAlice);
  EXPECT_EQ(serve(cookie, kBob).node, kAlice);
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
}

TEST_F(AffinityCookieTest, BehindAShutDoorNobodyIsTakenBackIn) {
  std::string cookie = user_on(kAlice);
  lose_ledger();
  shut(kAlice);
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.decision, RouteDecision::late);
  EXPECT_EQ(click.node, kBob);
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(counters(kAlice), "new 0, moved 0, rescued 0, late 1");
}

TEST_F(AffinityCookieTest, OnceTheLedgerIsCompleteAnUnknownCookieIsOver) {
  std::string cookie = user_on(kAlice);
  lose_ledger();
  clock.advance(minutes{20});
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.claim, Claim::ended);
  EXPECT_TRUE(click.new_cookie);
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 1");
}

TEST_F(AffinityCookieTest, WhileTheLedgerIsIncompleteACookiePastTheLifetimeIsOver) {
  std::string cookie = user_on(kAlice);
  pass(hours{12});
  lose_ledger();
  const Served click = serve(cookie, kBob);
  EXPECT_EQ(click.claim, Claim::ended);
  EXPECT_EQ(counters(kAlice), "new 1, moved 0, rescued 0, late 1");
}

TEST_F(AffinityCookieTest, WhoIsTakenBackInKeepsHisAge) {
  std::string cookie = user_on(kAlice);
  clock.advance(hours{11} + minutes{50});
  lose_ledger();
  ASSERT_EQ(serve(cookie, kBob).claim, Claim::session);
  clock.advance(minutes{11});
  EXPECT_NE(serve(cookie, kBob).claim, Claim::session) << "12 hours after the very beginning";
}

TEST_F(AffinityCookieTest, ForgeriesAreNotTakenBackIn) {
  const std::string cookie = user_on(kAlice);
  lose_ledger();
  for (std::size_t at = 0; at < cookie.size(); ++at) {
    std::string forged = cookie;
    forged[at] = forged[at] == 'x' ? 'y' : 'x';
    EXPECT_EQ(arrive(forged).claim, Claim::none) << at;
  }
  EXPECT_EQ(fresh->totals().sessions, 0U) << "no count can be inflated";
}

TEST_F(AffinityCookieTest, AWallClockThatWasSetBackLocksNobodyOut) {
  std::string cookie = user_on(kAlice);
  lose_ledger();
  clock.jump_wall(-hours{2});
  EXPECT_EQ(serve(cookie, kBob).node, kAlice);
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
}

TEST_F(AffinityCookieTest, TheOldSecretsCookiesAreGoodWhileItRotates) {
  std::string known = user_on(kAlice);
  std::string unknown = user_on(kBob);
  secrets.insert(secrets.begin(), "a brand new secret, 32 and more of it");
  rebuild();
  EXPECT_EQ(serve(known, kCarol).node, kAlice);
  lose_ledger();
  const Served back = serve(unknown, kCarol);
  EXPECT_EQ(back.claim, Claim::session);
  EXPECT_EQ(back.node, kBob);
}

TEST_F(AffinityCookieTest, AnotherProxyWithTheSameSecretSendsTheUserToTheSameNode) {
  std::string cookie = user_on(kBob);
  lose_ledger();  // another proxy never had it
  EXPECT_EQ(serve(cookie, kCarol).node, kBob);
}

}  // namespace
}  // namespace bonedry::session
