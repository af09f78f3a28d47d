// What users' leaving does to their session, and to the exchanges that still hold it.

#include "session/affinity.h"
#include "tests/unit/session/affinity_rig.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::session {
namespace {

using std::chrono::minutes;
using test::Claim;
using test::Served;
using test::Verdict;

class AffinityLogoutTest : public test::AffinityTest {
 protected:
  const Answer kLeft{.user = Presence::left};

  AffinityLogoutTest() {
    pool.config.session.logout = {{"POST", "/logout"}, {"GET", "/bye"}};
    pool.config.session.logout_cookie = "JSESSIONID";
    rebuild();
  }

  Answer heard(const std::vector<std::string_view>& set_cookies) const {
    Answer answer;
    for (const std::string_view field : set_cookies)
      affinity->note_set_cookie(field, at("/"), answer);
    return answer;
  }

  /// The request came, and its answer is a logout.
  std::string log_out(std::string_view cookie) {
    Visit visit = arrive(cookie);
    std::string set_cookie = answered(visit, kLeft);
    affinity->leave(visit, clock.now());
    return set_cookie;
  }
};

TEST_F(AffinityLogoutTest, MethodAndPathAreComparedExactlyAndTheQueryNotAtAll) {
  EXPECT_TRUE(affinity->logs_out("POST", "/logout", 200));
  EXPECT_TRUE(affinity->logs_out("POST", "/logout?all=1", 303));
  EXPECT_TRUE(affinity->logs_out("POST", "/logout?", 399));
  EXPECT_TRUE(affinity->logs_out("GET", "/bye", 204));
  for (const char* target :
       {"/logout/", "/Logout", "/log", "/logou%74", "//logout", "/", "*", ""}) {
    EXPECT_FALSE(affinity->logs_out("POST", target, 200)) << target;
  }
  for (const char* method : {"GET", "post", "HEAD", ""}) {
    EXPECT_FALSE(affinity->logs_out(method, "/logout", 200)) << method;
  }
}

TEST_F(AffinityLogoutTest, ARefusedLogoutIsNone) {
  for (const int status : {101, 400, 401, 403, 404, 500, 503}) {
    EXPECT_FALSE(affinity->logs_out("POST", "/logout", status)) << status;
  }
}

TEST_F(AffinityLogoutTest, TheCountFallsWhileTheExchangeIsOpen) {
  const std::string cookie = user_on(kAlice);
  Visit visit = arrive(cookie);
  EXPECT_EQ(answered(visit, kLeft),
            "bonedry=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; "
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(visit.user, Presence::left);
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(pool.nodes[kAlice].node->counters.logged_out, 1U);
  affinity->leave(visit, clock.now());
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(ledger.totals().sessions, 0U);
}

TEST_F(AffinityLogoutTest, TheCookieIsClearedWithTheAttributesItWasSetWith) {
  pool.config.session.cookie = "shop-node";
  pool.config.session.attributes = {"/shop", "example.org", false, conf::SameSite::strict,
                                    conf::Secure::always};
  rebuild();
  EXPECT_EQ(log_out(user_on(kAlice)),
            "shop-node=; Path=/shop; Domain=example.org; SameSite=Strict; Secure; Max-Age=0; "
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST_F(AffinityLogoutTest, AnApplicationsCookieThatIsClearedIsALogout) {
  for (const char* field :
       {"JSESSIONID=", "JSESSIONID=x; Max-Age=0", "JSESSIONID=x; Expires=1 Jan 1970 00:00:00"}) {
    Visit visit = arrive(user_on(kAlice));
    EXPECT_NE(answered(visit, heard({"a=1", field, "b=2; Max-Age=0"})), "") << field;
    EXPECT_EQ(visit.user, Presence::left) << field;
    affinity->leave(visit, clock.now());
  }
}

TEST_F(AffinityLogoutTest, WhoIsGivenAValueStays) {
  // It may clear an older one of another path, before or after.
  const std::string cookie = user_on(kAlice);
  Visit visit = arrive(cookie);
  EXPECT_EQ(answered(visit, heard({"JSESSIONID=new", "JSESSIONID=; Path=/old"})), "");
  EXPECT_EQ(answered(visit, heard({"JSESSIONID=; Path=/old", "JSESSIONID=new"})), "");
  EXPECT_EQ(answered(visit, heard({"a=1"})), "");
  EXPECT_EQ(visit.user, Presence::here);
  affinity->leave(visit, clock.now());
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
}

TEST_F(AffinityLogoutTest, HoweverManyOthersAreClearedWhoIsGivenAValueStays) {
  Visit visit = arrive(user_on(kAlice));
  std::vector<std::string> fields;
  for (int i = 0; i < 20; ++i) fields.push_back("JSESSIONID=; Path=/old" + std::to_string(i));
  fields.emplace_back("JSESSIONID=; Path=/");
  fields.emplace_back("JSESSIONID=new; Path=/new");
  EXPECT_EQ(answered(visit, heard({fields.begin(), fields.end()})), "");
  EXPECT_EQ(visit.user, Presence::here);
  affinity->leave(visit, clock.now());
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
}

TEST_F(AffinityLogoutTest, OnlyTheCookieThatWasGivenIsCleared) {
  Visit visit = arrive(user_on(kAlice));
  (void)answered(visit, heard({"JSESSIONID=one; Path=/shop"}));
  for (const char* field : {"JSESSIONID=; Path=/", "JSESSIONID=; Path=/shop; Domain=shop.test",
                            "JSESSIONID=; Path=/sho"}) {
    EXPECT_EQ(answered(visit, heard({field})), "") << field;
    EXPECT_EQ(visit.user, Presence::here) << field;
  }
  Answer another = heard({"JSESSIONID=two; Path=/admin"});
  (void)answered(visit, another);
  EXPECT_EQ(answered(visit, heard({"JSESSIONID=; Path=/shop"})), "") << "there is another one";
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
  affinity->leave(visit, clock.now());
}

TEST_F(AffinityLogoutTest, TheCookieThatWasGivenIsClearedByAnAnswerToAnyPath) {
  Visit visit = arrive(user_on(kAlice));
  Answer given = heard({"JSESSIONID=one; Path=/shop"});
  given.brought = Answer::Brought::no;
  (void)answered(visit, given);
  EXPECT_NE(answered(visit, heard({"JSESSIONID=; Path=/shop"})), "");
  EXPECT_EQ(visit.user, Presence::left);
  affinity->leave(visit, clock.now());
}

TEST_F(AffinityLogoutTest, NoCookieIsWatchedUnlessTheConfigSaysSo) {
  pool.config.session.logout_cookie.clear();
  rebuild();
  EXPECT_EQ(heard({"JSESSIONID=", "=", ""}).news_count, 0U);
}

TEST_F(AffinityLogoutTest, WhoHasNoSessionGetsNoneByLoggingOut) {
  Visit visit = affinity->arrive({}, clock.now());
  EXPECT_EQ(affinity->answered(visit, kAlice, kLeft), "");
  EXPECT_EQ(ledger.totals().sessions, 0U);
  EXPECT_EQ(pool.nodes[kAlice].node->counters.logged_out, 0U);
}

TEST_F(AffinityLogoutTest, WhoComesBackWithTheOldCookieIsLate) {
  std::string cookie = user_on(kAlice);
  log_out(cookie);
  bleed(kAlice);
  const Served back = serve(cookie, kBob);
  EXPECT_EQ(back.claim, Claim::ended);
  EXPECT_EQ(back.verdict, Verdict::late);
  EXPECT_EQ(back.node, kBob);
}

TEST_F(AffinityLogoutTest, AParallelRequestThatIsMovedAfterTheLogoutCountsNobody) {
  const std::string cookie = user_on(kAlice);
  Visit leaving = arrive(cookie);
  Visit other = arrive(cookie);
  (void)answered(leaving, kLeft);
  affinity->leave(leaving, clock.now());
  EXPECT_EQ(affinity->settle(other, Verdict::rescued, kBob, clock.now()), kBob);
  (void)affinity->answered(other, kBob, {});
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
  EXPECT_EQ(counters(kBob), "new 0, moved 0, rescued 0, late 0");
  affinity->leave(other, clock.now());
  EXPECT_EQ(ledger.totals().sessions, 0U);
}

}  // namespace
}  // namespace bonedry::session
