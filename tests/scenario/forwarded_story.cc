// X-Forwarded-* from trusted clients and from untrusted ones.
#include "tests/scenario/story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ForwardedStory : public Story {
 protected:
  void launch(const std::string& trusted, const std::vector<std::string>& listener = {}) {
    bonedry_ = std::make_unique<BonedryProcess>(config(trusted, listener));
  }
  [[nodiscard]] TestConfig config(const std::string& trusted,
                                  const std::vector<std::string>& listener = {}) const {
    TestConfig config = shop(workers(), {alice_});
    config.server = {"trusted_proxies = [" + trusted + "]"};
    config.pools[0].listener = listener;
    return config;
  }

  /// The request as the node received it, sent with these fields after the bytes in `before`.
  NodeRequest pass(const Headers& headers, const std::string& before = "") {
    HttpClient client{bonedry_->address()};
    client.send(before + Request{.target = "/seen", .headers = headers}.to_wire());
    EXPECT_EQ(client.read_response().status, 200);
    return alice_.last("/seen");
  }
  [[nodiscard]] bool logs_client(const std::string& address) const {
    const std::string words = R"("client":")" + address + '"';
    return eventually([&] { return bonedry_->out().find(words) != std::string::npos; });
  }

  FakeNode alice_{"alice"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, ForwardedStory, worker_counts(), name_of_workers);

TEST_P(ForwardedStory, ATrustedProxysXForwardedForIsAppendedTo) {
  launch("\"127.0.0.1\"");
  const NodeRequest seen = pass({{"X-Forwarded-For", "192.0.2.1, 192.0.2.2"}});
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("192.0.2.1, 192.0.2.2, 127.0.0.1"));
}

TEST_P(ForwardedStory, SeveralXForwardedForFieldsKeepTheirOrder) {
  launch("\"127.0.0.1\"");
  const NodeRequest seen =
      pass({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-For", "192.0.2.2"}});
  std::string all;
  for (const std::string& value : seen.headers.all("X-Forwarded-For")) {
    all += (all.empty() ? "" : ", ") + value;
  }
  EXPECT_EQ(all, "192.0.2.1, 192.0.2.2, 127.0.0.1");
}

TEST_P(ForwardedStory, ATrustedProxysSchemeAndHostGoOn) {
  launch("\"127.0.0.1\"");
  const NodeRequest seen =
      pass({{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "www.shop.example"}});
  EXPECT_THAT(seen.headers.all("X-Forwarded-Proto"), ElementsAre("https"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Host"), ElementsAre("www.shop.example"));
}

TEST_P(ForwardedStory, AStrangersWordIsReplaced) {
  launch("\"192.0.2.0/24\"");
  const NodeRequest seen = pass({{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-Proto", "https"}});
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Proto"), ElementsAre("http"));
  EXPECT_TRUE(logs_client("127.0.0.1"));
}

TEST_P(ForwardedStory, TheLogNamesTheClientBehindAllTrustedProxies) {
  launch(R"("127.0.0.1", "10.0.0.0/8")");
  (void)pass({{"X-Forwarded-For", "198.51.100.9, 192.0.2.1, 10.0.0.1"}});
  EXPECT_TRUE(logs_client("192.0.2.1")) << bonedry_->out();
}

TEST_P(ForwardedStory, TheLogNamesTheClientWithoutAPort) {
  launch(R"("127.0.0.1", "10.0.0.0/8")");
  const NodeRequest seen = pass({{"X-Forwarded-For", "192.0.2.1:4711, 10.0.0.1:80"}});
  EXPECT_TRUE(logs_client("192.0.2.1")) << bonedry_->out();
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"),
              ElementsAre("192.0.2.1:4711, 10.0.0.1:80, 127.0.0.1"));
}

TEST_P(ForwardedStory, BehindAProxyHeaderItIsTheAnnouncedAddressThatIsTrusted) {
  launch(R"("127.0.0.1", "10.0.0.0/8")", {"proxy_protocol = true"});
  const Headers claim{{"X-Forwarded-For", "192.0.2.1"}};
  EXPECT_THAT(pass(claim, "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n").headers.all("X-Forwarded-For"),
              ElementsAre("192.0.2.1, 10.0.0.1"));
  EXPECT_THAT(pass(claim, "PROXY TCP4 203.0.113.5 10.0.0.2 1 2\r\n").headers.all("X-Forwarded-For"),
              ElementsAre("203.0.113.5"));
  EXPECT_THAT(pass(claim, "PROXY UNKNOWN\r\n").headers.all("X-Forwarded-For"),
              ElementsAre("127.0.0.1"))
      << "the proxy speaks for somebody it cannot name";
}

TEST_P(ForwardedStory, NodesAreToldInForwardedWhereTheyAskForIt) {
  TestConfig told = config("\"192.0.2.0/24\"");
  told.pools[0].keys = {"forwarded = \"rfc7239\""};
  bonedry_ = std::make_unique<BonedryProcess>(told);
  const Headers claims{{"Forwarded", "for=192.0.2.1;proto=https"},
                       {"X-Forwarded-For", "192.0.2.1"}};
  const NodeRequest seen = pass(claims);
  EXPECT_THAT(seen.headers.all("Forwarded"),
              ElementsAre("for=127.0.0.1;proto=http;host=shop.example"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre());
  told.server = {"trusted_proxies = [\"127.0.0.1\"]"};
  told.pools[0].keys = {"forwarded = \"both\""};
  bonedry_->configure(told);
  EXPECT_THAT(bonedry_->admin("reload"), Not(HasSubstr("error: ")));
  const NodeRequest trusted = pass(claims);
  EXPECT_THAT(trusted.headers.all("Forwarded"),
              ElementsAre("for=192.0.2.1;proto=https, for=127.0.0.1;proto=http;host=shop.example"));
  EXPECT_THAT(trusted.headers.all("X-Forwarded-For"), ElementsAre("192.0.2.1, 127.0.0.1"));
}

TEST_P(ForwardedStory, WhatClientsSayOfThemselvesReachesNobodyButFromTrustedProxies) {
  launch("\"192.0.2.0/24\"");
  const std::vector<std::string> names{
      "Forwarded",   "X-Real-IP",      "X-Forwarded-Port", "X-Original-URL",
      "X-Client-IP", "True-Client-IP", "Client-Cert",      "X-Forwarded-Client-Cert"};
  Headers claims;
  for (const std::string& name : names) claims.add(name, "claimed");
  NodeRequest seen = pass(claims);
  for (const std::string& name : names) EXPECT_THAT(seen.headers.all(name), ElementsAre()) << name;
  bonedry_->configure(config("\"127.0.0.1\""));
  EXPECT_THAT(bonedry_->admin("reload"), Not(HasSubstr("error: ")));
  seen = pass(claims);
  for (const std::string& name : names) {
    EXPECT_THAT(seen.headers.all(name), ElementsAre("claimed")) << name;
  }
}

TEST_P(ForwardedStory, AReloadChangesWhoIsTrusted) {
  launch("\"192.0.2.0/24\"");
  const Headers claim{{"X-Forwarded-For", "192.0.2.1"}};
  EXPECT_THAT(pass(claim).headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
  bonedry_->configure(config("\"127.0.0.1\""));
  EXPECT_THAT(bonedry_->admin("reload"), Not(HasSubstr("error: ")));
  EXPECT_THAT(pass(claim).headers.all("X-Forwarded-For"), ElementsAre("192.0.2.1, 127.0.0.1"));
}

}  // namespace
}  // namespace bonedry::test
