// Requests that are not of users: monitors and load balancers in front begin no session, and no
// check of theirs keeps a node from being dry.
#include "tests/scenario/story.h"

#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int kChecks = 120;

class ExemptStory : public ShopStory {
 protected:
  /// `entries` of exempt; no session ends by time.
  void launch_exempt(const std::string& entries, std::vector<std::string> session = {}) {
    launch(exempting(entries, std::move(session)));
  }
  [[nodiscard]] TestConfig exempting(const std::string& entries,
                                     std::vector<std::string> session = {}) const {
    session.push_back("exempt = [" + entries + "]");
    return config(std::move(session));
  }

  /// One check, from a new connection without cookies.
  Response check(const Request& request) const {
    HttpClient monitor{bonedry_->address()};
    Response response = monitor.exchange(request);
    EXPECT_EQ(response.status, 200);
    return response;
  }
  [[nodiscard]] std::int64_t exempt_requests() const {
    return bonedry_->status().at("pools").at(0).at("exempt_requests");
  }
  [[nodiscard]] std::int64_t sessions() const {
    return bonedry_->status().at("ledger").at("sessions");
  }

  const Request probe_{.target = "/", .headers = {{"User-Agent", "kube-probe/1.29"}}};
};

INSTANTIATE_TEST_SUITE_P(Workers, ExemptStory, worker_counts(), name_of_workers);

TEST_P(ExemptStory, AHundredAndTwentyChecksLeaveNoSessionAndTheNodeBecomesDry) {
  launch_exempt("{ user_agent = \"kube-probe/*\" }");
  for (int i = 0; i < kChecks; ++i) EXPECT_FALSE(check(probe_).headers.has("Set-Cookie"));
  EXPECT_GT(alice_.requests(), 0U) << "she was checked as well";
  EXPECT_EQ(sessions(), 0);
  EXPECT_EQ(exempt_requests(), kChecks);
  order("bleed alice");
  EXPECT_TRUE(eventually_dry(alice_));
  const std::size_t before = alice_.requests();
  for (int i = 0; i < kChecks; ++i) (void)check(probe_);
  EXPECT_EQ(alice_.requests(), before);
  EXPECT_TRUE(node(alice_).dry);
}

TEST_P(ExemptStory, AllOthersAreUsers) {
  launch_exempt("{ user_agent = \"kube-probe/*\" }");
  EXPECT_TRUE(check({.headers = {{"User-Agent", "curl/8.0"}}}).headers.has("Set-Cookie"));
  EXPECT_TRUE(check({}).headers.has("Set-Cookie"));
  EXPECT_EQ(sessions(), 2);
  EXPECT_EQ(exempt_requests(), 0);
}

TEST_P(ExemptStory, AUserWhoFetchesAnExemptPathStaysOnHerBleedingNode) {
  launch_exempt("{ path = \"/healthz\" }");
  User user = live_user_on(alice_);
  order("bleed alice");
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(user.click("/healthz").headers.has("Set-Cookie"));
    EXPECT_EQ(user.node(), "alice");
  }
  EXPECT_EQ(node(alice_).live, 1);
  EXPECT_TRUE(node(alice_).blocked_by("1 live session"));
  EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_EQ(user.node(), "alice");
  EXPECT_EQ(exempt_requests(), 0) << "they were hers";
}

TEST_P(ExemptStory, AUserWhoBeginsWithAnExemptPathGetsASessionWithTheFirstPage) {
  launch_exempt("{ path = \"/static/*\" }");
  User user{bonedry_->address()};
  user.click("/static/logo.svg");
  EXPECT_FALSE(user.has_cookie());
  EXPECT_EQ(sessions(), 0);
  user.click();
  EXPECT_TRUE(user.has_cookie());
  const std::string home = user.node();
  for (int i = 0; i < 5; ++i) {
    user.click("/static/logo.svg");
    EXPECT_EQ(user.node(), home);
  }
  EXPECT_EQ(sessions(), 1);
  EXPECT_EQ(exempt_requests(), 1);
}

TEST_P(ExemptStory, AMovedUserGetsHerNewCookieWithAnExemptPathToo) {
  launch_exempt("{ path = \"/healthz\" }");
  User user = live_user_on(alice_);
  order("bleed alice");
  order("maintain alice --force");
  EXPECT_TRUE(user.click("/healthz").headers.has("Set-Cookie"));
  EXPECT_EQ(user.node(), "bob");
  EXPECT_EQ(node(alice_).moved, 1);
  EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_EQ(user.node(), "bob");
}

TEST_P(ExemptStory, WithLearnNoResponseToACheckPinsAnybody) {
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/", [](NodeExchange& exchange) {
      exchange.respond(200, "", {{"Set-Cookie", "SID=" + exchange.node_name() + "; Path=/"}});
    });
  }
  launch_exempt("{ user_agent = \"kube-probe/*\" }", {"sticky = \"learn\"", "cookie = \"SID\""});
  for (int i = 0; i < kChecks; ++i) EXPECT_TRUE(check(probe_).headers.has("Set-Cookie"));
  EXPECT_EQ(sessions(), 0);
  EXPECT_EQ(exempt_requests(), kChecks);
  User user{bonedry_->address()};
  user.click();
  EXPECT_EQ(sessions(), 1);
  const std::string home = user.node();
  order("bleed " + home);
  user.click("/", {{"User-Agent", "kube-probe/1.29"}});
  EXPECT_EQ(user.node(), home) << "her session's, whatever she calls herself";
  EXPECT_EQ(sessions(), 1);
}

TEST_P(ExemptStory, AnOpenCheckKeepsItsNodeFromBeingDryUntilItEnds) {
  launch_exempt("{ user_agent = \"kube-probe/*\" }");
  Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "at last");
  });
  order("bleed bob");
  HttpClient monitor{bonedry_->address()};
  Request slow = probe_;
  slow.target = "/slow";
  monitor.send(slow.to_wire());
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  order("activate bob");
  order("bleed alice");
  EXPECT_TRUE(node(alice_).blocked_by("1 open exchange"));
  gate.open();
  EXPECT_EQ(monitor.read_response().body, "at last");
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(ExemptStory, AReloadChangesWhoIsExempt) {
  launch(config());
  (void)check(probe_);
  EXPECT_EQ(sessions(), 1);
  bonedry_->configure(exempting("{ user_agent = \"kube-probe/*\" }"));
  order("reload");
  (void)check(probe_);
  EXPECT_EQ(sessions(), 1);
  bonedry_->configure(config());
  order("reload");
  (void)check(probe_);
  EXPECT_EQ(sessions(), 2);
  EXPECT_EQ(exempt_requests(), 1) << "counters survive a reload";
}

TEST_P(ExemptStory, TheClientIsTheOneThatTheTrustedProxyNames) {
  TestConfig behind = exempting("{ client = \"10.0.0.0/8\", method = \"HEAD\" }");
  behind.server = {"trusted_proxies = [\"127.0.0.1\"]"};
  launch(behind);
  const auto is_exempt = [this](const std::string& method, const std::string& client) {
    const std::int64_t before = sessions();
    const bool given = check({.method = method, .headers = {{"X-Forwarded-For", client}}})
                           .headers.has("Set-Cookie");
    EXPECT_EQ(sessions() - before, given ? 1 : 0);
    return !given;
  };
  EXPECT_TRUE(is_exempt("HEAD", "10.1.2.3"));
  EXPECT_TRUE(is_exempt("HEAD", "192.0.2.1, 10.1.2.3"));
  EXPECT_FALSE(is_exempt("GET", "10.1.2.3")) << "all conditions of an entry have to hold";
  EXPECT_FALSE(is_exempt("HEAD", "192.0.2.1"));
  EXPECT_FALSE(is_exempt("HEAD", "10.1.2.3, 192.0.2.1"));
}

TEST_P(ExemptStory, TheAccessLogSaysSo) {
  launch_exempt("{ path = \"/healthz\" }");
  (void)check({.target = "/healthz"});
  (void)check({.target = "/page"});
  const auto line_of = [this](const std::string& target) {
    const std::string out = bonedry_->out();
    const std::size_t at = out.find("\"target\":\"" + target + "\"");
    const std::size_t begin = at == std::string::npos ? at : out.rfind('\n', at) + 1;
    return at == std::string::npos ? "" : out.substr(begin, out.find('\n', at) - begin);
  };
  ASSERT_TRUE(
      eventually([&] { return !line_of("/page").empty() && !line_of("/healthz").empty(); }));
  EXPECT_THAT(line_of("/healthz"), HasSubstr(R"("verdict":"exempt","session":"","exempt":true,)"));
  EXPECT_THAT(line_of("/page"), Not(HasSubstr("exempt")));
}

TEST_P(ExemptStory, BothProcessesOfAnUpgradeKnowThem) {
  launch_exempt("{ user_agent = \"kube-probe/*\" }");
  HttpClient monitor{bonedry_->address()};
  EXPECT_FALSE(monitor.exchange(probe_).headers.has("Set-Cookie"));
  bonedry_->configure(exempting("{ path = \"/healthz\" }"));
  bonedry_->upgrade();
  ASSERT_TRUE(bonedry_->predecessor_drains());
  EXPECT_FALSE(monitor.exchange({.target = "/healthz"}).headers.has("Set-Cookie"))
      << "the old process goes by the new config";
  EXPECT_FALSE(check({.target = "/healthz"}).headers.has("Set-Cookie"));
  EXPECT_TRUE(check(probe_).headers.has("Set-Cookie"));
  EXPECT_EQ(sessions(), 1);
}

}  // namespace
}  // namespace bonedry::test
