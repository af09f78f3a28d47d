// The session cookie: its format, which session it resumes, and that a forged one gains nothing.
#include "tests/scenario/story.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;

const std::string kSecret = "correct horse battery staple, forty-two times";
const std::string kOtherSecret = "another secret, as long as it has to be, and more";

std::string secrets(const std::vector<std::string>& all) {
  std::string line;
  for (const std::string& one : all) line += (line.empty() ? "" : ", ") + ('"' + one + '"');
  return "secrets = [" + line + "]";
}

/// The attributes ("Path=/", "HttpOnly", ...) of the only Set-Cookie with this name.
std::vector<std::string> attributes_of(const Response& response, const std::string& name) {
  std::vector<std::string> found;
  for (const std::string& line : response.headers.all("Set-Cookie")) {
    if (!line.starts_with(name + '=')) continue;
    EXPECT_TRUE(found.empty()) << "set twice";
    for (auto at = line.find("; "); at != std::string::npos;) {
      const auto next = line.find("; ", at + 2);
      found.push_back(line.substr(at + 2, next == std::string::npos ? next : next - at - 2));
      at = next;
    }
  }
  return found;
}

class CookieStory : public ShopStory {};

INSTANTIATE_TEST_SUITE_P(Workers, CookieStory, worker_counts(), name_of_workers);

TEST_P(CookieStory, TheFirstResponseSetsOneCookieAndLaterOnesNone) {
  launch(config());
  User user{bonedry_->address()};
  const Response first = user.click();
  EXPECT_EQ(first.headers.count("Set-Cookie"), 1U);
  EXPECT_THAT(attributes_of(first, "bonedry"),
              UnorderedElementsAre("Path=/", "HttpOnly", "SameSite=Lax"));
  const std::string node = user.node();
  for (int i = 0; i < 30; ++i) {
    const Response later = user.click("/page" + std::to_string(i));
    ASSERT_FALSE(later.headers.has("Set-Cookie"));
    ASSERT_EQ(user.node(), node);
    if (i % 7 == 0) user.disconnect();
  }
}

TEST_P(CookieStory, EveryKindOfResponseSetsTheCookie) {
  launch(config());
  alice_.on("/no-content", answering("HTTP/1.1 204 No Content\r\n\r\n"));
  alice_.on("/error", answering("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"));
  order("bleed bob");
  for (const char* target : {"/no-content", "/error", "/page"}) {
    HttpClient client{bonedry_->address()};
    EXPECT_TRUE(set_cookie_value(client.get(target)).has_value()) << target;
  }
  HttpClient client{bonedry_->address()};
  EXPECT_TRUE(set_cookie_value(client.exchange({.method = "HEAD"})).has_value());
}

/// A cache between browser and bonedry must not give one user's cookie to another user.
TEST_P(CookieStory, AnAnswerThatBringsACookieIsKeptFromSharedCaches) {
  for (FakeNode* node : {&alice_, &bob_}) {
    node->on("/style.css",
             answering("HTTP/1.1 200 OK\r\nCache-Control: public, max-age=600\r\n"
                       "Surrogate-Control: max-age=900\r\nContent-Length: 0\r\n\r\n"));
  }
  launch(config());
  User user{bonedry_->address()};
  const Response first = user.click("/style.css");
  ASSERT_TRUE(first.headers.has("Set-Cookie"));
  EXPECT_THAT(first.headers.all("Cache-Control"), UnorderedElementsAre("max-age=600", "private"));
  EXPECT_FALSE(first.headers.has("Surrogate-Control"));
  const Response second = user.click("/style.css");
  ASSERT_FALSE(second.headers.has("Set-Cookie"));
  EXPECT_THAT(second.headers.all("Cache-Control"), UnorderedElementsAre("public, max-age=600"))
      << "nothing in it is anybody's";
  EXPECT_TRUE(second.headers.has("Surrogate-Control"));
}

TEST_P(CookieStory, AnAnswerThatBringsACookieIsTheOperatorsToLeaveAsItIs) {
  alice_.on("/style.css", answering("HTTP/1.1 200 OK\r\nCache-Control: public, max-age=600\r\n"
                                    "Content-Length: 0\r\n\r\n"));
  launch(shop(workers(), {alice_}, {"cookie_cache = \"as-is\""}));
  const Response first = User{bonedry_->address()}.click("/style.css");
  ASSERT_TRUE(first.headers.has("Set-Cookie"));
  EXPECT_THAT(first.headers.all("Cache-Control"), UnorderedElementsAre("public, max-age=600"));
}

TEST_P(CookieStory, TheValueTellsNothing) {
  launch(config());
  std::set<std::string> seen;
  for (int i = 0; i < 10; ++i) {
    User user{bonedry_->address()};
    user.click();
    const std::string value = user.cookie();
    EXPECT_GE(value.size(), 22U) << "128 bits at the least";
    EXPECT_TRUE(seen.insert(value).second) << "each user has his own";
    // Two cookies of one node must not show that: they have only the id of the key in common.
    for (const std::string& other : seen) {
      if (other == value) continue;
      std::size_t same = 0;
      for (std::size_t at = 0; at < value.size(); ++at) same += value[at] == other[at] ? 1U : 0U;
      EXPECT_LT(same, value.size() / 4);
    }
  }
  // A short word may be in one of them by chance; a node's name would be in half of them.
  for (const std::string secret : {"alice", "bob", "shop", "127.0.0.1"}) {
    const auto has_it = [&](const std::string& value) {
      return value.find(secret) != std::string::npos;
    };
    EXPECT_LT(std::ranges::count_if(seen, has_it), 3) << secret;
  }
}

TEST_P(CookieStory, ACookieWithAnyCharacterChangedIsReplaced) {
  launch(config());
  User user = live_user_on(alice_);
  const std::string genuine = user.cookie();
  order("bleed alice");
  for (std::size_t at = 0; at < genuine.size(); ++at) {
    for (const char other : {'A', 'B', '-', '~'}) {
      if (genuine[at] == other) continue;
      std::string forged = genuine;
      forged[at] = other;
      User forger{bonedry_->address()};
      forger.set_cookie("bonedry", forged);
      const Response response = forger.click();
      ASSERT_EQ(response.status, 200);
      ASSERT_EQ(forger.node(), "bob") << "character " << at << " as " << other;
      const auto fresh = set_cookie_value(response);
      ASSERT_TRUE(fresh.has_value()) << "character " << at << " as " << other;
      ASSERT_NE(*fresh, forged);
      ASSERT_NE(*fresh, genuine);
    }
  }
  EXPECT_EQ(node(alice_).sessions(), 1) << "no forgery counts on the bleeding node";
  EXPECT_FALSE(user.click().headers.has("Set-Cookie")) << "the genuine one still opens";
  EXPECT_EQ(user.node(), "alice");
}

TEST_P(CookieStory, RandomAndAbsurdCookiesAreReplaced) {
  launch(config());
  order("bleed alice");
  const std::vector<std::string> absurd = {"",
                                           "x",
                                           "alice",
                                           "shop/alice",
                                           "127.0.0.1:80",
                                           std::string(60, 'A'),
                                           std::string(59, 'A'),
                                           std::string(61, 'A'),
                                           std::string(8000, 'A'),
                                           "\"quoted\"",
                                           "%00%00",
                                           "a=b=c",
                                           "\xff\xfe"};
  for (const std::string& value : absurd) {
    HttpClient client{bonedry_->address()};
    const Response response = client.get("/", {{"Cookie", "bonedry=" + value}});
    EXPECT_EQ(response.status, 200) << value;
    EXPECT_EQ(response.headers.get("X-Node"), "bob") << value;
    EXPECT_TRUE(set_cookie_value(response).has_value()) << value;
  }
}

TEST_P(CookieStory, ACookieOfAnotherSecretIsReplaced) {
  TestConfig ours = config();
  ours.server = {secrets({kSecret})};
  launch(ours);
  TestConfig theirs = config();
  theirs.server = {secrets({kOtherSecret})};
  BonedryProcess stranger{theirs};
  User user{stranger.address()};
  user.click();
  const std::string foreign = user.cookie();
  user.go_to(bonedry_->address());
  const Response response = user.click();
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(set_cookie_value(response).value_or(foreign), foreign);
}

TEST_P(CookieStory, ProxiesWithTheSameSecretAgreeOnTheNode) {
  TestConfig ours = config();
  ours.server = {secrets({kSecret})};
  launch(ours);
  BonedryProcess twin{ours};
  for (int i = 0; i < 10; ++i) {
    User user{bonedry_->address()};
    user.click();
    const std::string node = user.node();
    user.go_to(twin.address());
    EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
    EXPECT_EQ(user.node(), node);
  }
}

TEST_P(CookieStory, KeysRotate) {
  TestConfig changing = config();
  changing.server = {secrets({kSecret})};
  launch(changing);
  User old_user = live_user_on(alice_);
  const auto restart_with = [&](const std::vector<std::string>& all) {
    changing.server = {secrets(all)};
    bonedry_->configure(changing);
    bonedry_->restart();
    old_user.go_to(bonedry_->address());
  };
  restart_with({kOtherSecret, kSecret});
  EXPECT_EQ(old_user.click().status, 200);
  EXPECT_EQ(old_user.node(), "alice") << "all secrets verify";
  User new_user = live_user_on(bob_);
  restart_with({kOtherSecret});
  new_user.go_to(bonedry_->address());
  EXPECT_FALSE(new_user.click().headers.has("Set-Cookie")) << "the first one signs";
  EXPECT_EQ(new_user.node(), "bob");
}

TEST_P(CookieStory, ASecretThatIsGoneOpensNothing) {
  TestConfig changing = config();
  changing.server = {secrets({kSecret})};
  launch(changing);
  User user = live_user_on(alice_);
  changing.server = {secrets({kOtherSecret})};
  bonedry_->configure(changing);
  bonedry_->restart();
  user.go_to(bonedry_->address());
  EXPECT_TRUE(set_cookie_value(user.click()).has_value());
}

TEST_P(CookieStory, AGeneratedSecretIsPrivateAndSurvivesARestart) {
  launch(config());
  User user = live_user_on(alice_);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(bonedry_->state_dir())) {
    if (entry.path().filename().string().find("secret") == std::string::npos) continue;
    ++files;
    EXPECT_EQ(entry.status().permissions(), std::filesystem::perms{0600});
  }
  EXPECT_EQ(files, 1U);
  bonedry_->kill9();
  bonedry_->start();
  user.go_to(bonedry_->address());
  EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_EQ(user.node(), "alice");
}

TEST_P(CookieStory, AttributesComeFromTheConfig) {
  launch(config({"cookie = \"SHOP\"", "cookie_path = \"/shop\"", "cookie_domain = \"shop.example\"",
                 "cookie_http_only = false", "cookie_same_site = \"none\"",
                 "cookie_secure = \"always\""}));
  User user{bonedry_->address()};
  const Response response = user.click("/shop");
  EXPECT_FALSE(set_cookie_value(response, "bonedry").has_value());
  EXPECT_THAT(attributes_of(response, "SHOP"),
              UnorderedElementsAre("Path=/shop", "Domain=shop.example", "SameSite=None", "Secure"));
  EXPECT_FALSE(user.click("/shop").headers.has("Set-Cookie"));
}

TEST_P(CookieStory, AForgedCookieIsReplacedByOneWithAllAttributes) {
  launch(config({"cookie_same_site = \"strict\"", "cookie_secure = \"always\""}));
  HttpClient client{bonedry_->address()};
  const Response response = client.get("/", {{"Cookie", "bonedry=forged"}});
  EXPECT_THAT(attributes_of(response, "bonedry"),
              UnorderedElementsAre("Path=/", "HttpOnly", "SameSite=Strict", "Secure"));
}

TEST_P(CookieStory, TheGenuineOneOfTwoCookiesCounts) {
  launch(config());
  User user = live_user_on(alice_);
  HttpClient client{bonedry_->address()};
  for (int i = 0; i < 4; ++i) {
    const Response response =
        client.get("/", {{"Cookie", "bonedry=forged; a=1; bonedry=" + user.cookie()}});
    EXPECT_EQ(response.headers.get("X-Node"), "alice");
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
  }
}

TEST_P(CookieStory, HoweverManyCookiesArePlantedBeforeItTheUsersOwnCounts) {
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice");
  std::string planted;
  for (int i = 0; i < 300; ++i) planted += "bonedry=" + std::string(60, 'A') + "; ";
  HttpClient client{bonedry_->address()};
  for (const Headers& fields :
       {Headers{{"Cookie", planted + "bonedry=" + user.cookie()}},
        Headers{{"Cookie", planted + "a=1"}, {"Cookie", "bonedry=" + user.cookie()}}}) {
    const Response response = client.get("/", fields);
    EXPECT_EQ(response.headers.get("X-Node"), "alice");
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
  }
}

TEST_P(CookieStory, ANodeKeepsItsUsersWhenItsAddressChanges) {
  launch(config());
  User user = live_user_on(alice_);
  FakeNode new_alice{"new alice"};
  TestConfig moved = config();
  moved.pools[0].nodes[0].address = new_alice.address();
  bonedry_->configure(moved);
  order("reload");
  EXPECT_FALSE(user.click().headers.has("Set-Cookie")) << "a cookie depends on the name only";
  EXPECT_EQ(user.node(), "new alice");
}

TEST_P(CookieStory, StickyNoneNeverSetsACookieAndMakesNoSession) {
  launch(config({"sticky = \"none\""}, {"balance = \"round-robin\""}));
  std::set<std::string> nodes;
  User user{bonedry_->address()};
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(user.click().headers.has("Set-Cookie"));
    nodes.insert(user.node());
  }
  EXPECT_THAT(nodes, UnorderedElementsAre("alice", "bob"));
  const auto status = bonedry_->status();
  EXPECT_EQ(node_view(status, "alice").sessions() + node_view(status, "bob").sessions(), 0);
  EXPECT_EQ(status.at("ledger").at("sessions"), 0);
}

}  // namespace
}  // namespace bonedry::test
