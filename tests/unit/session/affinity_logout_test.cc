// The effect of a logout on the session, and on the exchanges that still hold it.

#include "session/affinity.h"
#include "tests/unit/session/affinity_rig.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::session {
namespace {

using std::chrono::minutes;
using test::Claim;
using test::RouteDecision;
using test::Served;

class AffinityLogoutTest : public test::AffinityTest {
 protected:
  const ResponseCookies kLeft{.user = UserStatus::logged_out};

  AffinityLogoutTest() {
    pool.config.session.logout = {{"POST", "/logout"}, {"GET", "/bye"}};
    pool.config.session.logout_cookie = "JSESSIONID";
    rebuild();
  }

  ResponseCookies heard(const std::vector<std::string_view>& set_cookies) const {
    ResponseCookies answer;
    for (const std::string_view field : set_cookies)
      affinity->note_set_cookie(field, at("/"), answer);
    return answer;
  }

  /// A request whose response is a logout; returns the Set-Cookie.
  std::string log_out(std::string_view cookie) {
    SessionBinding binding = arrive(cookie);
    std::string set_cookie = on_response(binding, kLeft);
    affinity->release(binding, clock.now());
    return set_cookie;
  }
};

TEST_F(AffinityLogoutTest, MethodAndPathAreComparedExactlyAndTheQueryNotAtAll) {
  EXPECT_TRUE(affinity->is_logout("POST", "/logout", 200));
  EXPECT_TRUE(affinity->is_logout("POST", "/logout?all=1", 303));
  EXPECT_TRUE(affinity->is_logout("POST", "/logout?", 399));
  EXPECT_TRUE(affinity->is_logout("GET", "/bye", 204));
  for (const char* target :
       {"/logout/", "/Logout", "/log", "/logou%74", "//logout", "/", "*", ""}) {
    EXPECT_FALSE(affinity->is_logout("POST", target, 200)) << target;
  }
  for (const char* method : {"GET", "post", "HEAD", ""}) {
    EXPECT_FALSE(affinity->is_logout(method, "/logout", 200)) << method;
  }
}

TEST_F(AffinityLogoutTest, ARefusedLogoutIsNone) {
  for (const int status : {101, 400, 401, 403, 404, 500, 503}) {
    EXPECT_FALSE(affinity->is_logout("POST", "/logout", status)) << status;
  }
}

TEST_F(AffinityLogoutTest, TheCountFallsWhileTheExchangeIsOpen) {
  const std::string cookie = user_on(kAlice);
  SessionBinding binding = arrive(cookie);
  EXPECT_EQ(on_response(binding, kLeft),
            "bonedry=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; "
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(binding.user, UserStatus::logged_out);
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(pool.nodes[kAlice].node->counters.logged_out, 1U);
  affinity->release(binding, clock.now());
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
    SessionBinding binding = arrive(user_on(kAlice));
    EXPECT_NE(on_response(binding, heard({"a=1", field, "b=2; Max-Age=0"})), "") << field;
    EXPECT_EQ(binding.user, UserStatus::logged_out) << field;
    affinity->release(binding, clock.now());
  }
}

TEST_F(AffinityLogoutTest, WhoIsGivenAValueStays) {
  // The response may also clear an older cookie of another path, before or after.
  const std::string cookie = user_on(kAlice);
  SessionBinding binding = arrive(cookie);
  EXPECT_EQ(on_response(binding, heard({"JSESSIONID=new", "JSESSIONID=; Path=/old"})), "");
  EXPECT_EQ(on_response(binding, heard({"JSESSIONID=; Path=/old", "JSESSIONID=new"})), "");
  EXPECT_EQ(on_response(binding, heard({"a=1"})), "");
  EXPECT_EQ(binding.user, UserStatus::present);
  affinity->release(binding, clock.now());
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
}

TEST_F(AffinityLogoutTest, HoweverManyOthersAreClearedWhoIsGivenAValueStays) {
  SessionBinding binding = arrive(user_on(kAlice));
  std::vector<std::string> fields;
  for (int i = 0; i < 20; ++i) fields.push_back("JSESSIONID=; Path=/old" + std::to_string(i));
  fields.emplace_back("JSESSIONID=; Path=/");
  fields.emplace_back("JSESSIONID=new; Path=/new");
  EXPECT_EQ(on_response(binding, heard({fields.begin(), fields.end()})), "");
  EXPECT_EQ(binding.user, UserStatus::present);
  affinity->release(binding, clock.now());
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
}

TEST_F(AffinityLogoutTest, OnlyTheCookieThatWasGivenIsCleared) {
  SessionBinding binding = arrive(user_on(kAlice));
  (void)on_response(binding, heard({"JSESSIONID=one; Path=/shop"}));
  for (const char* field : {"JSESSIONID=; Path=/", "JSESSIONID=; Path=/shop; Domain=shop.test",
                            "JSESSIONID=; Path=/sho"}) {
    EXPECT_EQ(on_response(binding, heard({field})), "") << field;
    EXPECT_EQ(binding.user, UserStatus::present) << field;
  }
  ResponseCookies another = heard({"JSESSIONID=two; Path=/admin"});
  (void)on_response(binding, another);
  EXPECT_EQ(on_response(binding, heard({"JSESSIONID=; Path=/shop"})), "") << "there is another one";
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
  affinity->release(binding, clock.now());
}

TEST_F(AffinityLogoutTest, TheCookieThatWasGivenIsClearedByAnAnswerToAnyPath) {
  SessionBinding binding = arrive(user_on(kAlice));
  ResponseCookies given = heard({"JSESSIONID=one; Path=/shop"});
  given.had_cookie = ResponseCookies::HadCookie::no;
  (void)on_response(binding, given);
  EXPECT_NE(on_response(binding, heard({"JSESSIONID=; Path=/shop"})), "");
  EXPECT_EQ(binding.user, UserStatus::logged_out);
  affinity->release(binding, clock.now());
}

TEST_F(AffinityLogoutTest, NoCookieIsWatchedUnlessTheConfigSaysSo) {
  pool.config.session.logout_cookie.clear();
  rebuild();
  EXPECT_EQ(heard({"JSESSIONID=", "=", ""}).effect_count, 0U);
}

TEST_F(AffinityLogoutTest, WhoHasNoSessionGetsNoneByLoggingOut) {
  SessionBinding binding = affinity->find_session({}, clock.now());
  EXPECT_EQ(affinity->on_response(binding, kAlice, kLeft), "");
  EXPECT_EQ(ledger.totals().sessions, 0U);
  EXPECT_EQ(pool.nodes[kAlice].node->counters.logged_out, 0U);
}

TEST_F(AffinityLogoutTest, WhoComesBackWithTheOldCookieIsLate) {
  std::string cookie = user_on(kAlice);
  log_out(cookie);
  bleed(kAlice);
  const Served back = serve(cookie, kBob);
  EXPECT_EQ(back.claim, Claim::ended);
  EXPECT_EQ(back.decision, RouteDecision::late);
  EXPECT_EQ(back.node, kBob);
}

TEST_F(AffinityLogoutTest, AParallelRequestThatIsMovedAfterTheLogoutCountsNobody) {
  const std::string cookie = user_on(kAlice);
  SessionBinding leaving = arrive(cookie);
  SessionBinding other = arrive(cookie);
  (void)on_response(leaving, kLeft);
  affinity->release(leaving, clock.now());
  EXPECT_EQ(affinity->bind(other, RouteDecision::rescued, kBob, clock.now()), kBob);
  (void)affinity->on_response(other, kBob, {});
  EXPECT_EQ(on(kAlice), "0 live, 0 pending");
  EXPECT_EQ(on(kBob), "0 live, 0 pending");
  EXPECT_EQ(counters(kBob), "new 0, moved 0, rescued 0, late 0");
  affinity->release(other, clock.now());
  EXPECT_EQ(ledger.totals().sessions, 0U);
}

}  // namespace
}  // namespace bonedry::session
