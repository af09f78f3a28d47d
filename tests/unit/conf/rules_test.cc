// Rules about combinations of keys.
#include "config_text.h"

namespace bonedry::conf::test {
namespace {

TEST(RulesTest, AnEmptyFileLacksListenersAndPools) {
  const auto both = ElementsAre("f:1:1: listener: missing; expected at least one [[listener]]",
                                "f:1:1: pool: missing; expected at least one [[pool]]");
  EXPECT_THAT(errors_of(""), both);
  EXPECT_THAT(errors_of("# nothing\n\n[server]\n"), both);
  EXPECT_THAT(errors_of("listener = []\npool = []"),
              ElementsAre("f:1:12: listener: missing; expected at least one [[listener]]",
                          "f:2:8: pool: missing; expected at least one [[pool]]"));
}

TEST(RulesTest, APoolNeedsANode) {
  EXPECT_THAT(errors_of(with_nodes("")),
              ElementsAre("f:4:1: pool[shop].node: missing; expected at least one "
                          "[[pool.node]]"));
  EXPECT_THAT(errors_of(with_nodes("[pool.node]\nname = 'alice'")),
              ElementsAre("f:6:1: pool[shop].node: expected an array of tables (double brackets), "
                          "got a table"));
}

TEST(RulesTest, SecretsComeFromOnePlace) {
  EXPECT_THAT(errors_of(beside_a_pool(R"([server]
secret_file = "secret"
secrets = ["0123456789abcdef0123456789abcdef"]
)")),
              ElementsAre("f:2:15: server.secret_file: conflicts with secrets (line 3); set "
                          "only one of the two"));
}

TEST(RulesTest, ListenersNameAPoolThatExists) {
  const auto listener = [](const std::string& pool) {
    return with_listeners("[[listener]]\naddress = '127.0.0.1:80'\npool = '" + pool + "'\n");
  };
  EXPECT_THAT(errors_of(listener("shpo")),
              ElementsAre(R"(f:8:8: listener[#1].pool: unknown pool "shpo"; did you mean )"
                          R"("shop"?)"));
  EXPECT_THAT(errors_of(listener("warehouse") + "[[pool]]\nname = 'blog'\n[[pool.node]]\n"
                                                "name = 'a'\naddress = '127.0.0.1:9001'\n"),
              ElementsAre(R"(f:8:8: listener[#1].pool: unknown pool "warehouse"; expected one )"
                          "of: shop, blog"));
}

TEST(RulesTest, AProxyHeaderComesFromTrustedProxiesAlone) {
  const std::string listener =
      "[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\nproxy_protocol = true\n";
  EXPECT_THAT(
      errors_of(with_listeners(listener)),
      ElementsAre("f:9:18: listener[#1].proxy_protocol: no proxy is trusted to send the PROXY "
                  "header; set trusted_proxies in [server]"));
  const std::string faulty = "[server]\ntrusted_proxies = ['x']\n";
  EXPECT_THAT(errors_of(with_listeners(listener + faulty)), ::testing::SizeIs(1))
      << "the one mistake is told once";
}

TEST(RulesTest, ListenersDoNotShareAnAddress) {
  EXPECT_THAT(errors_of(with_listeners(R"([[listener]]
address = "[::1]:80"
pool = "shop"
[[listener]]
address = "127.0.0.1:80"
pool = "shop"
[[listener]]
address = "[0::1]:80"
pool = "shop"
)")),
              ElementsAre(R"(f:13:11: listener[#3].address: "[::1]:80" is already the address of )"
                          "the listener at line 7; choose another"));
}

TEST(RulesTest, ListenersOnAllAddressesTakeThoseOfOthers) {
  const auto errors = [](const std::string& one, const std::string& other) {
    const std::string rest = "\"\npool = \"shop\"\n";
    return errors_of(with_listeners("[[listener]]\naddress = \"" + one + rest +
                                    "[[listener]]\naddress = \"" + other + rest));
  };
  EXPECT_THAT(errors("[::]:80", "0.0.0.0:80"),
              ElementsAre(R"(f:10:11: listener[#2].address: "[::]:80" (line 7) takes the )"
                          R"(connections to "0.0.0.0:80" as well; remove one of the two)"));
  EXPECT_THAT(errors("127.0.0.1:80", "0.0.0.0:80"),
              ElementsAre(R"(f:7:11: listener[#1].address: "0.0.0.0:80" (line 10) takes the )"
                          R"(connections to "127.0.0.1:80" as well; remove one of the two)"));
  for (const std::string other : {"127.0.0.1:80", "[::1]:80", "0.0.0.0:80"}) {
    EXPECT_THAT(errors(other, "[::]:80"), ::testing::SizeIs(1)) << other;
    EXPECT_THAT(errors("[::]:80", other), ::testing::SizeIs(1)) << other;
  }
  EXPECT_THAT(errors("0.0.0.0:80", "[::1]:80"), IsEmpty());
  EXPECT_THAT(errors("0.0.0.0:80", "[::]:81"), IsEmpty());
  EXPECT_THAT(errors("0.0.0.0:0", "[::]:0"), IsEmpty());
  EXPECT_THAT(errors("127.0.0.1:80", "127.0.0.2:80"), IsEmpty());
  EXPECT_THAT(errors("0.0.0.0:80", "0.0.0.0:80"), ::testing::SizeIs(1));
}

TEST(RulesTest, ANodeThatIsAListenerIsAWarning) {
  const auto warnings = [](const std::string& listener, const std::string& node) {
    return warnings_of("[[listener]]\naddress = '" + listener +
                       "'\npool = 'shop'\n[[pool]]\nname = 'shop'\n[[pool.node]]\n"
                       "name = 'alice'\naddress = '" +
                       node + "'\n");
  };
  EXPECT_THAT(warnings("192.0.2.1:80", "192.0.2.1:80"),
              ElementsAre(R"(f:8:11: pool[shop].node[alice].address: "192.0.2.1:80" is the )"
                          "listener at line 2: bonedry would send these requests to itself"));
  EXPECT_THAT(warnings("0.0.0.0:80", "127.0.0.1:80"), ::testing::SizeIs(1));
  EXPECT_THAT(warnings("[::]:80", "127.0.0.1:80"), ::testing::SizeIs(1));
  EXPECT_THAT(warnings("[::]:80", "[::1]:80"), ::testing::SizeIs(1));
  EXPECT_THAT(warnings("0.0.0.0:80", "[::1]:80"), IsEmpty());
  EXPECT_THAT(warnings("0.0.0.0:80", "127.0.0.1:81"), IsEmpty());
  EXPECT_THAT(warnings("0.0.0.0:80", "192.0.2.1:80"), IsEmpty()) << "may be another machine";
}

TEST(RulesTest, APoolWithoutAListenerIsAWarning) {
  EXPECT_THAT(warnings_of(beside_a_pool("[[pool]]\nname = 'blog'\n[[pool.node]]\nname = 'a'\n"
                                        "address = '127.0.0.1:9009'\n")),
              ElementsAre("f:2:8: pool[blog].name: no listener names this pool, so it gets no "
                          "requests"));
}

TEST(RulesTest, APoolOfWeightlessNodesIsAWarning) {
  const auto warnings = [](const std::string& weight) {
    return warnings_of(
        with_nodes("[[pool.node]]\nname = 'a'\naddress = '127.0.0.1:9001'\n"
                   "weight = 0\n[[pool.node]]\nname = 'b'\n"
                   "address = '127.0.0.1:9002'\nweight = " +
                   weight + "\n"));
  };
  EXPECT_THAT(warnings("0"), ElementsAre("f:6:1: pool[shop].node: all weights are 0: every node "
                                         "bleeds, and new users get 503"));
  EXPECT_THAT(warnings("1"), IsEmpty());
}

TEST(RulesTest, PoolsDoNotShareAName) {
  const std::string pool = R"([[pool]]
name = "shop"
[[pool.node]]
name = "alice"
address = "127.0.0.1:9001"
weight = 9999
)";
  EXPECT_THAT(
      errors_of("[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n" + pool + pool),
      ElementsAre("f:9:10: pool[shop].node[alice].weight: 9999 is out of range; expected 0 to 1000",
                  R"(f:11:8: pool[#2].name: "shop" is already the name of the pool at line 5; )"
                  "choose another",
                  "f:15:10: pool[#2].node[alice].weight: 9999 is out of range; expected 0 to "
                  "1000"));
}

TEST(RulesTest, NodesDoNotShareANameWithinAPool) {
  const std::string alice = "[[pool.node]]\nname = 'alice'\naddress = '127.0.0.1:9001'\n";
  const std::string other = "[[pool.node]]\nname = 'alice'\naddress = '127.0.0.1:9002'\n";
  EXPECT_THAT(errors_of(with_nodes(alice + other)),
              ElementsAre(R"(f:10:8: pool[shop].node[#2].name: "alice" is already the name of the )"
                          "node at line 7; choose another"));
  EXPECT_THAT(errors_of(with_nodes(alice + "[[pool]]\nname = 'blog'\n" + alice)), IsEmpty());
}

TEST(RulesTest, NodesThatShareAnAddressAreAWarning) {
  EXPECT_THAT(warnings_of(with_nodes("[[pool.node]]\nname = 'alice'\naddress = '127.0.0.1:9001'\n"
                                     "[[pool.node]]\nname = 'bob'\naddress = '127.0.0.1:9001'\n")),
              ElementsAre(R"(f:11:11: pool[shop].node[bob].address: "127.0.0.1:9001" is also the )"
                          "address of the node at line 8"));
}

TEST(RulesTest, IdleTimeoutFitsIntoTheLifetime) {
  EXPECT_THAT(errors_of(in_a_pool("[pool.session]\nidle_timeout = '2h'\nmax_lifetime = '1h'")),
              ElementsAre(R"(f:7:16: pool[shop].session.idle_timeout: idle_timeout "2h" is longer )"
                          R"(than max_lifetime "1h"; it must not be)"));
  EXPECT_THAT(
      errors_of(in_a_pool("[pool.session]\nmax_lifetime = '10m'")),
      ElementsAre(R"(f:7:16: pool[shop].session.max_lifetime: idle_timeout "20m" is longer )"
                  R"(than max_lifetime "10m"; it must not be)"));
  EXPECT_THAT(errors_of(in_a_pool("[pool.session]\nidle_timeout = '1h'\nmax_lifetime = '1h'")),
              IsEmpty());
}

TEST(RulesTest, AFaultyKeyCausesNoSecondError) {
  EXPECT_THAT(errors_of(in_a_pool("[pool.session]\nidle_timeout = '2x'\nmax_lifetime = '10m'")),
              ::testing::SizeIs(1));
  EXPECT_THAT(errors_of(in_a_pool("[pool.session]\nidle_timeout = '13h'\nmax_lifetime = 'x'")),
              ::testing::SizeIs(1));
}

TEST(RulesTest, ListenersAreNotBlamedForPoolsThatCannotBeRead) {
  const std::string listener = "[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n";
  EXPECT_THAT(errors_of(listener),
              ElementsAre("f:1:1: pool: missing; expected at least one [[pool]]"));
  EXPECT_THAT(errors_of("pool = 3\n" + listener),
              ElementsAre("f:1:8: pool: expected an array of tables (double brackets), got an "
                          "integer"));
}

TEST(RulesTest, NamesThatAreMissingAreNotTheSameName) {
  const std::string node = "[[pool.node]]\naddress = '127.0.0.1:9001'\n";
  const std::string other = "[[pool.node]]\naddress = '127.0.0.1:9002'\n";
  EXPECT_THAT(errors_of(with_nodes(node + other)),
              ElementsAre("f:6:1: pool[shop].node[#1].name: required, but missing",
                          "f:8:1: pool[shop].node[#2].name: required, but missing"));
  EXPECT_THAT(errors_of(beside_a_pool("[[pool]]\n" + node + "[[pool]]\n" + node)),
              ElementsAre("f:1:1: pool[#1].name: required, but missing",
                          "f:2:1: pool[#1].node[#1].name: required, but missing",
                          "f:4:1: pool[#2].name: required, but missing",
                          "f:5:1: pool[#2].node[#1].name: required, but missing"));
}

TEST(RulesTest, AShorterPendingTimeoutWeakensThePromise) {
  EXPECT_THAT(warnings_of(in_a_pool("[pool.session]\npending_timeout = '5m'")),
              ElementsAre(R"(f:7:19: pool[shop].session.pending_timeout: "5m" is shorter than )"
                          R"(idle_timeout "20m": users whose cookie has not come back by then )"
                          "are no longer counted, and a node may be reported dry too early"));
  EXPECT_THAT(warnings_of(in_a_pool("[pool.session]\npending_timeout = '20m'")), IsEmpty());
  EXPECT_THAT(warnings_of(in_a_pool("[pool.session]\npending_timeout = '30m'")), IsEmpty());
}

TEST(RulesTest, CookiesThatBrowsersRefuseAreAnError) {
  const auto errors = [](const std::string& keys) {
    return errors_of(in_a_pool("[pool.session]\n" + keys));
  };
  EXPECT_THAT(errors("cookie_same_site = 'none'"),
              ElementsAre(R"(f:7:20: pool[shop].session.cookie_same_site: browsers reject "none" )"
                          R"(without cookie_secure = "always")"));
  EXPECT_THAT(errors("cookie_same_site = 'none'\ncookie_secure = 'always'"), IsEmpty());
  EXPECT_THAT(errors("cookie_same_site = 'none'\nsticky = 'none'"), IsEmpty());
  for (const char* sticky : {"", "sticky = 'learn'\n"}) {
    EXPECT_THAT(
        errors(std::string(sticky) + "cookie = 'bonedry-pass-x'"),
        ElementsAre(testing::HasSubstr(R"(names that begin with "bonedry-pass-" are those of )"
                                       R"(cookies with passes; choose another)")));
  }
  EXPECT_THAT(errors("cookie = 'bonedry-pass'"), IsEmpty());
  EXPECT_THAT(errors("cookie = '__Secure-seat'"),
              ElementsAre(R"(f:7:10: pool[shop].session.cookie: browsers reject a "__Secure-" )"
                          R"(cookie without cookie_secure = "always")"));
  EXPECT_THAT(errors("cookie = '__Host-seat'\ncookie_secure = 'always'\ncookie_path = '/shop'"),
              ElementsAre(R"(f:7:10: pool[shop].session.cookie: browsers reject a "__Host-" )"
                          R"(cookie without cookie_secure = "always", cookie_path = "/" and no )"
                          "cookie_domain"));
  EXPECT_THAT(
      errors("cookie = '__Host-seat'\ncookie_secure = 'always'\ncookie_domain = 'a.example'"),
      ::testing::SizeIs(1));
  EXPECT_THAT(errors("cookie = '__Host-seat'\ncookie_secure = 'always'"), IsEmpty());
  EXPECT_THAT(errors("cookie = '__hOST-seat'"), ::testing::SizeIs(1));
  EXPECT_THAT(errors("cookie = '__SECURE-seat'"), ::testing::SizeIs(1));
  EXPECT_THAT(errors("cookie = '" + std::string(4037, 'x') + "'"), ::testing::SizeIs(1));
}

TEST(RulesTest, CookiesThatScriptsMustNotSetAreForHttpAlone) {
  const auto errors = [](const std::string& keys) {
    return errors_of(in_a_pool("[pool.session]\n" + keys));
  };
  const std::string always = "\ncookie_secure = 'always'";
  const std::string script = always + "\ncookie_http_only = false";
  EXPECT_THAT(
      errors("cookie = '__Http-seat'" + script),
      ElementsAre(R"(f:7:10: pool[shop].session.cookie: browsers reject a "__Http-" )"
                  R"(cookie without cookie_secure = "always" and cookie_http_only = true)"));
  EXPECT_THAT(errors("cookie = '__Host-Http-seat'" + script),
              ElementsAre(R"(f:7:10: pool[shop].session.cookie: browsers reject a "__Host-Http-" )"
                          R"(cookie without cookie_secure = "always", cookie_http_only = true, )"
                          R"(cookie_path = "/" and no cookie_domain)"));
  for (const char* name : {"__Http-seat", "__hTTP-seat", "__Host-Http-seat", "__hoST-httP-seat"}) {
    const std::string cookie = "cookie = '" + std::string{name} + "'";
    EXPECT_THAT(errors(cookie), ::testing::SizeIs(1)) << name << ": not secure";
    EXPECT_THAT(errors(cookie + script), ::testing::SizeIs(1)) << name << ": not HttpOnly";
    EXPECT_THAT(errors(cookie + always), IsEmpty()) << name;
  }
  EXPECT_THAT(errors("cookie = '__Http-seat'\ncookie_path = '/shop'" + always), IsEmpty());
  EXPECT_THAT(errors("cookie = '__Host-Http-seat'\ncookie_path = '/shop'" + always),
              ::testing::SizeIs(1));
  EXPECT_THAT(errors("cookie = '__Host-seat'" + script), IsEmpty());
}

TEST(RulesTest, AFieldOfOrdinaryAnswersIsNoLogout) {
  const auto errors = [](const std::string& field) {
    return errors_of(in_a_pool("[pool.session]\nlogout_header = '" + field + "'"));
  };
  EXPECT_THAT(
      errors("Content-Length"),
      ElementsAre(R"(f:7:17: pool[shop].session.logout_header: "Content-Length" is a common )"
                  "response header, so that ordinary responses would end sessions; use one "
                  R"(of the application's own, e.g. "X-Logged-Out")"));
  for (const char* field : {"transfer-encoding",
                            "CONNECTION",
                            "Keep-Alive",
                            "Upgrade",
                            "Trailer",
                            "Via",
                            "Set-Cookie",
                            "Date",
                            "Server",
                            "Content-Type",
                            "Content-Encoding",
                            "Content-Security-Policy",
                            "Cache-Control",
                            "Vary",
                            "ETag",
                            "etag",
                            "Last-Modified",
                            "Expires",
                            "Age",
                            "Accept-Ranges",
                            "Location",
                            "Strict-Transport-Security",
                            "X-Powered-By",
                            "Access-Control-Allow-Origin"}) {
    EXPECT_THAT(errors(field), ::testing::SizeIs(1)) << field;
  }
  for (const char* field : {"X-Logged-Out", "Clear-Site-Data", "Date-Of-Logout", "X-Server", ""}) {
    EXPECT_THAT(errors(field), IsEmpty()) << field;
  }
  EXPECT_THAT(errors_of(in_a_pool("session.sticky = 'none'\nsession.logout_header = 'Date'")),
              IsEmpty())
      << "ignored, which is a warning";
}

TEST(RulesTest, MoreActiveNodesThanThereCanBeAreAWarning) {
  const auto warnings = [](const std::string& min_active, const std::string& weight) {
    return warnings_of(in_a_pool("min_active = " + min_active +
                                 "\n[[pool.node]]\nname = 'bob'\naddress = '127.0.0.1:9002'\n"
                                 "weight = " +
                                 weight));
  };
  EXPECT_THAT(warnings("3", "100"),
              ElementsAre("f:6:14: pool[shop].min_active: 3 is more than the 2 nodes with a weight "
                          "above 0: every bleed and maintain will need --force"));
  EXPECT_THAT(warnings("2", "0"), ::testing::SizeIs(1));
  EXPECT_THAT(warnings("2", "100"), IsEmpty());
  EXPECT_THAT(warnings("0", "0"), IsEmpty());
}

TEST(RulesTest, ACookieDomainIsOneThatBrowsersTake) {
  const auto errors = [](const std::string& domain) {
    return errors_of(in_a_pool("[pool.session]\ncookie_domain = '" + domain + "'"));
  };
  const std::string label(63, 'a');
  for (const std::string& good :
       {std::string{}, std::string{"shop.test"}, std::string{".shop.test"},
        std::string{"xn--caf-dma.Shop-1.test"}, std::string{"1.2.3.4.test"}, label + ".test"}) {
    EXPECT_THAT(errors(good), IsEmpty()) << good;
  }
  const std::string too_long = label + "." + label + "." + label + "." + label;
  for (const std::string& bad :
       {std::string{"shop.test:8080"}, std::string{"https://shop.test"}, std::string{"a..b"},
        std::string{"..shop.test"}, std::string{"shop.test."}, std::string{"localhost"},
        std::string{".test"}, std::string{"."}, std::string{"127.0.0.1"}, std::string{"1.0x7f"},
        std::string{"[::1]"}, std::string{"-a.test"}, std::string{"a-.test"},
        std::string{"*.shop.test"}, std::string{"shop.test/"}, "a" + label + ".test", too_long}) {
    EXPECT_THAT(errors(bad), ::testing::SizeIs(1)) << bad;
  }
}

/// Two pools with these keys in [pool.session].
std::string two_pools(const std::string& first, const std::string& second) {
  return in_a_pool("[pool.session]\n" + first) + "[[pool]]\nname = 'blog'\n[pool.session]\n" +
         second + "\n[[pool.node]]\nname = 'bob'\naddress = '127.0.0.1:9002'\n";
}

TEST(RulesTest, EveryFurtherPoolHasACookieOfItsOwn) {
  const auto names = [](const std::string& first, const std::string& second) {
    const auto pools = load(two_pools(first, second)).config.pools;
    return pools[0].session.cookie + " " + pools[1].session.cookie;
  };
  EXPECT_EQ(names("", ""), "bonedry bonedry-blog");
  EXPECT_EQ(names("cookie = 'seat'", ""), "seat bonedry-blog");
  EXPECT_EQ(names("", "cookie = 'seat'"), "bonedry seat");
  EXPECT_EQ(names("sticky = 'learn'\ncookie = 'SID'", ""), "SID bonedry");
  EXPECT_THAT(errors_of(two_pools("", "")), IsEmpty());
}

TEST(RulesTest, PoolsThatShareUsersDoNotShareACookie) {
  const std::string seat = "cookie = 'seat'\n";
  EXPECT_THAT(errors_of(two_pools(seat, seat)),
              ElementsAre(::testing::HasSubstr(
                  R"(pool[blog].session.cookie: "seat" is already the cookie of the pool at line )"
                  "5, and browsers send it to all ports of a host; choose another")));
  const auto errors = [&](const std::string& first, const std::string& second) {
    return errors_of(two_pools(seat + first, seat + second)).size();
  };
  EXPECT_EQ(errors("cookie_domain = 'a.test'", ""), 1U);
  EXPECT_EQ(errors("cookie_domain = 'a.test'", "cookie_domain = '.x.A.test'"), 1U);
  EXPECT_EQ(errors("cookie_domain = 'a.test'", "cookie_domain = 'ba.test'"), 0U);
  EXPECT_EQ(errors("cookie_path = '/a'", "cookie_path = '/a/b'"), 1U);
  EXPECT_EQ(errors("cookie_path = '/a'", "cookie_path = '/ab'"), 0U);
  EXPECT_EQ(errors("cookie_path = '/a'", ""), 1U);
  EXPECT_EQ(errors("sticky = 'learn'", ""), 1U);
  EXPECT_EQ(errors("", "sticky = 'learn'"), 1U);
  EXPECT_EQ(errors("sticky = 'learn'", "sticky = 'learn'"), 0U);
  EXPECT_EQ(errors("", "sticky = 'none'"), 0U);
}

TEST(RulesTest, WarningsAreNotErrors) {
  EXPECT_THAT(errors_of(in_a_pool("[pool.session]\npending_timeout = '5m'")), IsEmpty());
}

}  // namespace
}  // namespace bonedry::conf::test
