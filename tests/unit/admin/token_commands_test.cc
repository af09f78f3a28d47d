// Commands with a token in front of them.
#include "tests/unit/admin/admin_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bonedry::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Kind = conf::TokenScope::Kind;
using test::Client;

constexpr const char* kCi = "the-token-of-ci-0";
constexpr const char* kPod = "the-token-of-a-pod";

class TokenCommandsTest : public testing::Test {
 protected:
  TokenCommandsTest() {
    add("ci", kCi, {{Kind::read}});
    add("pod", kPod, {{Kind::bleed, "shop", "alice"}});
    EXPECT_THAT(rig.ask("reload"), HasSubstr("reloaded"));
  }
  void add(const std::string& name, const std::string& token,
           std::vector<conf::TokenScope> scopes) {
    rig.next_admin.tokens.push_back({name, "", conf::TokenDigest{token}, std::move(scopes)});
  }
  std::string with(const std::string& token, const std::string& line) {
    return rig.ask("token:" + token + " " + line);
  }

  test::AdminRig rig;
};

TEST_F(TokenCommandsTest, ATokenMayDoWhatItsScopeSays) {
  EXPECT_THAT(with(kCi, "status json"), StartsWith("{"));
  EXPECT_EQ(with(kCi, "bleed alice"),
            "error: token 'ci' may not bleed shop/alice: its scope is read\n");
  EXPECT_THAT(with(kPod, "bleed alice"), StartsWith("shop/alice is bleeding"));
  EXPECT_THAT(with(kPod, "wait shop/alice"), StartsWith("dry"));
  EXPECT_EQ(with(kPod, "activate alice"),
            "error: token 'pod' may not activate shop/alice: its scope is bleed:shop/alice\n");
  EXPECT_EQ(with(kPod, "bleed alice --force json"),
            "error: token 'pod' may not bleed --force shop/alice: its scope is bleed:shop/alice\n");
  EXPECT_EQ(with(kPod, "bleed bob"),
            "error: token 'pod' may not bleed shop/bob: its scope is bleed:shop/alice\n");
  EXPECT_EQ(with(kPod, "bleed carol"),
            "error: token 'pod' may not bleed: its scope is bleed:shop/alice\n");
  EXPECT_EQ(with(kPod, "reload"),
            "error: token 'pod' may not reload: its scope is bleed:shop/alice\n");
  EXPECT_THAT(with(kPod, "version"), StartsWith("bonedry "));
  EXPECT_THAT(rig.ask("activate alice"), StartsWith("shop/alice is active"));
}

TEST_F(TokenCommandsTest, AWrongTokenIsAnErrorThatDoesNotShowIt) {
  EXPECT_EQ(with("the-token-of-nobody", "status"), "error: wrong token\n");
  EXPECT_EQ(with("", "status"), "error: wrong token\n");
  EXPECT_EQ(with("the-token-of-nobody", "show stat"), "wrong token\n\n");
  EXPECT_EQ(with(kCi, "statsu"), "error: unknown command 'statsu'; did you mean 'status'?\n");
}

TEST_F(TokenCommandsTest, EventsSayWhichTokenDidWhat) {
  const std::string user = "token pod (";
  EXPECT_THAT(with(kPod, "bleed alice --reason update"), StartsWith("shop/alice is bleeding"));
  EXPECT_THAT(rig.events.recent().back().by, StartsWith(user));
  EXPECT_THAT(rig.ask("status json"), HasSubstr("\"by\":\"" + user));
  EXPECT_THAT(rig.ask("events"), Not(HasSubstr(kPod)));
}

TEST_F(TokenCommandsTest, HaproxysCommandsTakeOneToo) {
  EXPECT_THAT(with(kCi, "show stat"), StartsWith("# pxname"));
  EXPECT_EQ(with(kCi, "set server shop/alice state drain"),
            "token 'ci' may not set server: its scope is read\n\n");
  EXPECT_THAT(with(kCi, "show version; disable server shop/alice"),
              HasSubstr("token 'ci' may not disable server"));
  EXPECT_THAT(rig.ask("status"), Not(HasSubstr("bleeding")));
}

TEST_F(TokenCommandsTest, AReloadTakesNewTokensAndEndsNoWait) {
  EXPECT_THAT(with(kPod, "bleed alice"), StartsWith("shop/alice is bleeding"));
  rig.add_user("shop/alice", 1);
  Client waiting(rig.path());
  waiting.send(std::string("token:") + kPod + " wait alice\n");
  rig.run_a_little();
  rig.next_admin.tokens.pop_back();
  add("pod", "another-token-of-a-pod", {{Kind::bleed, "shop", "alice"}});
  EXPECT_THAT(rig.ask("reload"), HasSubstr("reloaded"));
  EXPECT_EQ(with(kPod, "wait alice"), "error: wrong token\n");
  EXPECT_FALSE(waiting.ended());
  rig.everybody_leaves();
  EXPECT_TRUE(rig.finish(waiting));
  EXPECT_THAT(waiting.answer(), StartsWith("dry"));
}

}  // namespace
}  // namespace bonedry::admin
