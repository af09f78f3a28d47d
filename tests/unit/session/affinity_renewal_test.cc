// Sticky mode learn: cookie values that are renewed, that exist side by side, and that are cleared,
// while requests are in flight and the node bleeds.

#include "session/affinity.h"
#include "tests/unit/session/affinity_rig.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::Claim;
using test::Door;

class AffinityRenewalTest : public test::AffinityTest {
 protected:
  AffinityRenewalTest() {
    pool.config.session.sticky = conf::Sticky::learn;
    pool.config.session.cookie = "SID";
    rebuild();
  }

  /// A response to a request for `path` with these Set-Cookie fields, which must outlive it.
  ResponseCookies heard(const std::vector<std::string>& fields, std::string_view path = "/") const {
    ResponseCookies answer;
    for (const std::string& field : fields) affinity->note_set_cookie(field, at(path), answer);
    return answer;
  }

  /// A whole exchange on the user's node, or on bob.
  std::size_t click(std::string_view value, const std::vector<std::string>& fields = {},
                    std::string_view path = "/") {
    SessionBinding binding =
        value.empty() ? affinity->find_session({}, clock.now()) : arrive(value);
    const std::size_t node = binding.claim == Claim::none ? kBob : binding.node;
    (void)affinity->on_response(binding, node, heard(fields, path));
    affinity->release(binding, clock.now());
    return binding.held || binding.claim != Claim::none ? node : kCarol;
  }

  [[nodiscard]] bool known(std::string_view value) {
    SessionBinding binding = arrive(value);
    const bool found = binding.claim == Claim::session;
    affinity->release(binding, clock.now());
    return found;
  }

  std::string begin(const std::string& value) {
    click("", {"SID=" + value + "; Path=/"});
    EXPECT_TRUE(known(value));
    return value;
  }
};

TEST_F(AffinityRenewalTest, ARequestOnItsWayWithTheValueOfBeforeIsItsUsers) {
  begin("one");
  bleed(kBob);
  SessionBinding on_its_way = arrive("one");
  click("one", {"SID=two; Path=/"});
  EXPECT_EQ(on_its_way.node, kBob);
  affinity->release(on_its_way, clock.now());
  EXPECT_EQ(arrive("one").node, kBob);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityRenewalTest, TheValueOfBeforeIsGoodForTheGraceAfterTheNewOneCameBack) {
  pool.config.session.renewal_grace = seconds{10};
  rebuild();
  begin("one");
  click("one", {"SID=two; Path=/"});
  pass(minutes{10});
  EXPECT_TRUE(known("one")) << "the new one did not come back: its answer may have been lost";
  pass(minutes{10});
  EXPECT_TRUE(known("two"));
  pass(seconds{9});
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  begin("else");
  click("else", {"SID=other; Path=/"});
  EXPECT_TRUE(known("other"));
  pass(seconds{11});
  EXPECT_FALSE(known("else")) << "nobody used it in the grace";
  EXPECT_TRUE(known("other"));
}

TEST_F(AffinityRenewalTest, WhoNeverHeardOfTheNewValueIsCountedByTheOldOne) {
  begin("one");
  click("one", {"SID=lost; Path=/"});
  for (int i = 0; i < 10; ++i) {
    pass(minutes{15});
    ASSERT_EQ(on(kBob), "1 live, 0 pending");
    ASSERT_EQ(click("one"), kBob);
  }
  pass(minutes{21});
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
}

TEST_F(AffinityRenewalTest, HoweverManyValuesAClientDoesNotHearOfItIsKnown) {
  begin("one");
  bleed(kBob);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(click("one", {"SID=unheard" + std::to_string(i) + "; Path=/"}), kBob) << i;
    clock.advance(seconds{20});
  }
  EXPECT_TRUE(known("unheard199"));
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityRenewalTest, SoIsOneWithARequestThatGoesOnAllTheTime) {
  begin("one");
  bleed(kBob);
  SessionBinding long_one = arrive("one");
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(click("one", {"SID=unheard" + std::to_string(i) + "; Path=/"}), kBob) << i;
  }
  affinity->release(long_one, clock.now());
  EXPECT_EQ(click("one"), kBob);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  pass(pool.config.session.idle_timeout + minutes{1});
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
}

// A WebSocket, for example, can outlast any number of renewals.
TEST_F(AffinityRenewalTest, SoIsOneWhoseLongRequestOutlastsThousandsOfRenewals) {
  begin("one");
  bleed(kBob);
  SessionBinding long_one = arrive("one");
  std::string newest = "one";
  for (int i = 0; i < 5'000; ++i) {
    if (i % 1'000 == 500) newest = "one";  // another tab's cookie jar receives no new values
    std::string next = "unheard" + std::to_string(i);
    ASSERT_EQ(click(i % 10 == 0 ? "one" : newest, {"SID=" + next + "; Path=/"}), kBob) << i;
    newest = next;
  }
  EXPECT_EQ(click("one"), kBob);
  affinity->release(long_one, clock.now());
  EXPECT_EQ(click("one"), kBob) << "although nobody holds it any more";
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  expect_nothing_held();
}

// A client that loses the response with the new value often loses the long request too, and returns
// with the old value.
TEST_F(AffinityRenewalTest, AValueIsInUseForAsLongAsARequestWithItIs) {
  begin("one");
  bleed(kBob);
  SessionBinding long_one = arrive("one");
  click("one", {"SID=lost; Path=/"});
  pass(minutes{90});
  affinity->release(long_one, clock.now());
  pass(minutes{15});
  EXPECT_EQ(click("one"), kBob);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityRenewalTest, SoIsAValueOfAnotherPath) {
  begin("one");
  click("one", {"SID=beside; Path=/chat"});
  bleed(kBob);
  SessionBinding long_one = arrive("beside");
  pass(minutes{90});
  affinity->release(long_one, clock.now());
  pass(minutes{15});
  EXPECT_EQ(click("beside"), kBob);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityRenewalTest, OfValuesGivenToRequestsAtOnceAnyMayBeTheOneThatStays) {
  begin("zero");
  for (const std::string stays : {"zero", "a", "b", "c"}) {
    bleed(kBob);
    const std::string before = begin("of " + stays);
    SessionBinding one = arrive(before);
    SessionBinding two = arrive(before);
    SessionBinding three = arrive(before);
    (void)affinity->on_response(one, kBob, heard({"SID=a; Path=/"}));
    (void)affinity->on_response(two, kBob, heard({"SID=b; Path=/"}));
    affinity->release(one, clock.now());
    (void)affinity->on_response(three, kBob, heard({"SID=c; Path=/"}));
    affinity->release(three, clock.now());
    affinity->release(two, clock.now());
    const std::string value = stays == "zero" ? before : stays;
    for (int i = 0; i < 5; ++i) {
      ASSERT_EQ(click(value), kBob) << value;
      pass(minutes{15});
    }
    EXPECT_EQ(on(kBob), "1 live, 0 pending") << "the user of " << value;
    pass(minutes{21});
    EXPECT_EQ(on(kBob), "0 live, 0 pending");
    expect_nothing_held();
  }
}

TEST_F(AffinityRenewalTest, AnOpenExchangeOfAnyValueKeepsTheSession) {
  begin("one");
  SessionBinding open = arrive("one");
  click("one", {"SID=two; Path=/"});
  pass(std::chrono::hours{2});
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  affinity->release(open, clock.now());
  EXPECT_TRUE(known("two"));
  expect_nothing_held();
}

TEST_F(AffinityRenewalTest, SoDoTheValuesOfOneThatIsHeldLongerThanItMayLast) {
  const std::string first = begin("first");
  SessionBinding socket = arrive(first);
  clock.advance(pool.config.session.max_lifetime + minutes{1});
  click(first, {"SID=second; Path=/cart"});
  EXPECT_TRUE(known("second"));
  affinity->release(socket, clock.now());
  EXPECT_FALSE(known("second"));
}

TEST_F(AffinityRenewalTest, ALogoutEndsTheSessionUnderAllItsValues) {
  begin("one");
  click("one", {"SID=two; Path=/"});
  SessionBinding on_its_way = arrive("one");
  click("two", {"SID=; Path=/; Max-Age=0"});
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
  EXPECT_FALSE(known("one"));
  EXPECT_FALSE(known("two"));
  affinity->release(on_its_way, clock.now());
  expect_nothing_held();
}

// Happens when a request is in flight during a logout, and the application accepts the value in
// that request.
TEST_F(AffinityRenewalTest, AValueOfASessionThatIsOverMayBeginAnotherThatIsRenewedToo) {
  const std::string first = begin("first");
  click(first, {"SID=second; Path=/"});
  click("second", {"SID=; Path=/; Max-Age=0"});
  ASSERT_FALSE(known("second"));
  click(first);
  ASSERT_TRUE(known(first)) << "a session by the value that was brought";
  click(first, {"SID=third; Path=/"});
  EXPECT_TRUE(known(first)) << "a request may be on its way with it";
  EXPECT_TRUE(known("third"));
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityRenewalTest, AValueOfASessionThatIsOverMayStandBesideAnothersOwn) {
  const std::string first = begin("first");
  click(first, {"SID=second; Path=/"});
  click("second", {"SID=; Path=/; Max-Age=0"});
  const std::string other = begin("other");
  click(other, {"SID=first; Path=/cart"});
  EXPECT_TRUE(known(first));
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityRenewalTest, AValueThatIsGivenOnceMoreIsGoodAgain) {
  begin("one");
  click("one", {"SID=two; Path=/"});
  EXPECT_TRUE(known("two"));
  click("two", {"SID=one; Path=/"});
  for (int i = 0; i < 4; ++i) {
    pass(minutes{15});
    ASSERT_EQ(click("one"), kBob);
  }
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

TEST_F(AffinityRenewalTest, AnApplicationThatRenewsOnEachAnswerKeepsItsUsers) {
  std::mt19937 random(7);
  begin("v0");
  bleed(kBob);
  std::vector<SessionBinding> under_way;
  std::string jar = "v0";
  for (int i = 1; i <= 500; ++i) {
    pass(Millis{static_cast<std::int64_t>(random() % 3000)});
    SessionBinding binding = arrive(jar);
    ASSERT_EQ(binding.claim, Claim::session) << i;
    ASSERT_EQ(binding.node, kBob);
    under_way.push_back(binding);
    if (random() % 3 == 0) continue;
    const std::size_t answered = random() % under_way.size();
    const std::string next = "v" + std::to_string(i);
    const std::string field = "SID=" + next + "; Path=/";
    (void)affinity->on_response(under_way[answered], kBob, heard({field}));
    affinity->release(under_way[answered], clock.now());
    under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(answered));
    if (random() % 10 != 0) jar = next;  // some responses are lost
    ASSERT_EQ(on(kBob), "1 live, 0 pending") << i;
    ASSERT_EQ(ledger.totals().sessions, 1U);
  }
  for (SessionBinding& binding : under_way) affinity->release(binding, clock.now());
  expect_nothing_held();
}

TEST_F(AffinityRenewalTest, TwoPathsAreTwoCookiesAndBothAreTheUsers) {
  click("", {"SID=shop; Path=/", "SID=admin; Path=/admin"});
  EXPECT_EQ(on(kBob), "0 live, 1 pending");
  bleed(kBob);
  EXPECT_EQ(click("admin"), kBob);
  EXPECT_EQ(click("shop"), kBob);
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
  click("shop", {"SID=; Path=/; Max-Age=0"});
  EXPECT_EQ(on(kBob), "1 live, 0 pending") << "there still is the one of /admin";
  for (int i = 0; i < 4; ++i) {
    pass(minutes{15});
    ASSERT_EQ(click("admin"), kBob);
  }
}

TEST_F(AffinityRenewalTest, SoTheyAreWhenAnAnswerToAnEarlierRequestGivesOneOnceMore) {
  SessionBinding earlier = arrive("shop");  // not known yet
  click("", {"SID=shop; Path=/", "SID=admin; Path=/admin"});
  (void)affinity->on_response(earlier, kBob, heard({"SID=shop; Path=/"}));
  affinity->release(earlier, clock.now());
  click("shop", {"SID=; Path=/; Max-Age=0"});
  EXPECT_TRUE(known("admin")) << "there still is the one of /admin";
}

TEST_F(AffinityRenewalTest, AValueOfASessionThatIsOverAndHeldHidesNoOther) {
  begin("mine");
  pass(seconds{1});
  begin("shared");
  SessionBinding held = arrive("shared");  // continues after its user has logged out
  click("shared", {"SID=renewed; Path=/"});
  click("renewed", {"SID=; Path=/; Max-Age=0"});
  click("mine", {"SID=shared; Path=/admin"});
  EXPECT_TRUE(known("shared")) << "of a session that is older than the one that is over";
  affinity->release(held, clock.now());
  EXPECT_TRUE(known("shared"));
}

TEST_F(AffinityRenewalTest, ACookieOfAnotherPathOrDomainTakesNoUserAway) {
  begin("one");
  for (const char* field :
       {"SID=; Path=/old; Max-Age=0", "SID=; Path=/; Domain=shop.test; Max-Age=0",
        "SID=; Path=/; Domain=.test; Max-Age=0", "SID=; Path=/; Domain=else.test; Max-Age=0",
        "SID=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/cart"}) {
    click("one", {field}, "/cart/checkout");
    EXPECT_EQ(on(kBob), "1 live, 0 pending") << field;
  }
  click("one", {"SID=; Max-Age=0"}, "/cart/checkout");
  EXPECT_EQ(on(kBob), "1 live, 0 pending") << "that is the path /cart";
  click("one", {"SID=evil; Path=/; Domain=else.test"});
  EXPECT_TRUE(known("one")) << "no browser takes that";
  EXPECT_FALSE(known("evil"));
  click("one", {"SID=; Path=/; Max-Age=0"}, "/cart/checkout");
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
}

TEST_F(AffinityRenewalTest, ANodeWhoseClockIsWrongLogsNobodyOut) {
  begin("one");
  for (const std::int64_t behind : {90'000, -90'000, 3'600'000, 86'400'000}) {
    ResponseCookies answer;
    CookieContext context = at("/");
    // Expires five minutes after the node's time, and is renewed by each response.
    context.date = WallTime{784111777000};
    context.now = *context.date + Millis{behind};
    affinity->note_set_cookie("SID=one; Path=/; Expires=Sun, 06 Nov 1994 08:54:37 GMT", context,
                              answer);
    SessionBinding binding = arrive("one");
    (void)affinity->on_response(binding, kBob, answer);
    affinity->release(binding, clock.now());
    EXPECT_EQ(on(kBob), "1 live, 0 pending") << behind;
  }
}

TEST_F(AffinityRenewalTest, ALiveValueWinsWhereverItStands) {
  begin("gone");
  click("gone", {"SID=; Path=/; Max-Age=0"});
  begin("here");
  for (const auto& values : {std::vector<std::string_view>{"gone", "here"},
                             std::vector<std::string_view>{"here", "gone"},
                             std::vector<std::string_view>{"x", "y", "here", "gone"}}) {
    SessionBinding binding = arrive(values);
    EXPECT_EQ(binding.claim, Claim::session);
    EXPECT_EQ(binding.node, kBob);
    affinity->release(binding, clock.now());
  }
}

TEST_F(AffinityRenewalTest, OfManyFieldsOfOneCookieTheLastIsWhatTheBrowserBrings) {
  std::vector<std::string> fields;
  for (int i = 0; i < 12; ++i) fields.push_back("SID=value" + std::to_string(i) + "; Path=/");
  click("", fields);
  EXPECT_TRUE(known("value11"));
  EXPECT_EQ(on(kBob), "1 live, 0 pending");
}

}  // namespace
}  // namespace bonedry::session
