// Who may do what: tokens, their scopes, and those who show none.
#include "admin/access/rights.h"
#include "admin/access/token_word.h"
#include "admin/access/tokens.h"
#include "admin/access/wrong_tokens.h"
#include "admin/command_table.h"
#include "conf/values.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::admin::access {
namespace {

using conf::TokenScope;
using Kind = TokenScope::Kind;

constexpr const char* kCi = "the-token-of-ci-0";
constexpr const char* kPod = "the-token-of-a-pod";
const balancer::NodeId kAlice{"shop", "alice"};
const balancer::NodeId kBob{"shop", "bob"};

conf::Admin config() {
  conf::Admin admin;
  admin.tokens = {{"ci", "", conf::TokenDigest{kCi}, {{Kind::read}, {Kind::bleed, "shop", "bob"}}},
                  {"pod", "", conf::TokenDigest{kPod}, {{Kind::bleed, "shop", "alice"}}}};
  return admin;
}

/// "", or why not.
std::string refusal(const Result<Rights>& rights, const Asked& asked) {
  if (!rights) return rights.error();
  const Result<> allowed = rights->check(asked);
  return allowed ? "" : allowed.error();
}

TEST(TokensTest, AScopeSaysWhatATokenMayDo) {
  const conf::Admin admin = config();
  const Tokens tokens(admin);
  const auto ci = tokens.rights_of(Peer::other, kCi);
  EXPECT_EQ(refusal(ci, {"status", Need::read}), "");
  EXPECT_EQ(refusal(ci, {"bleed", Need::bleed, kBob}), "");
  EXPECT_EQ(refusal(ci, {"wait", Need::read_node, kAlice}), "");
  EXPECT_EQ(refusal(ci, {"bleed", Need::bleed, kAlice}),
            "token 'ci' may not bleed shop/alice: its scope is read, bleed:shop/bob");
  EXPECT_EQ(refusal(ci, {"activate", Need::operate, kBob}),
            "token 'ci' may not activate shop/bob: its scope is read, bleed:shop/bob");
  EXPECT_EQ(refusal(ci, {"reload", Need::operate}),
            "token 'ci' may not reload: its scope is read, bleed:shop/bob");

  const auto pod = tokens.rights_of(Peer::other, kPod);
  EXPECT_EQ(refusal(pod, {"bleed", Need::bleed, kAlice}), "");
  EXPECT_EQ(refusal(pod, {"wait", Need::read_node, kAlice}), "");
  EXPECT_EQ(refusal(pod, {"version", Need::anything}), "");
  EXPECT_EQ(refusal(pod, {"status", Need::read}),
            "token 'pod' may not status: its scope is bleed:shop/alice");
  EXPECT_EQ(refusal(pod, {"wait", Need::read_node, kBob}),
            "token 'pod' may not wait shop/bob: its scope is bleed:shop/alice");
  EXPECT_EQ(refusal(pod, {"bleed", Need::bleed, balancer::NodeId{"alice", "shop"}}),
            "token 'pod' may not bleed alice/shop: its scope is bleed:shop/alice");
}

TEST(TokensTest, AWrongTokenIsNeverNone) {
  const conf::Admin admin = config();
  const Tokens tokens(admin);
  for (const std::string wrong :
       {"", "the-token-of-ci-1", "the-token-of-ci-", "the-token-of-ci-00"}) {
    for (const Peer peer : {Peer::owner, Peer::other}) {
      const auto rights = tokens.rights_of(peer, wrong);
      ASSERT_FALSE(rights) << wrong;
      EXPECT_EQ(rights.error(), "wrong token");
    }
  }
}

TEST(TokensTest, TheScopeOfATokenHoldsForRootAsWell) {
  const conf::Admin admin = config();
  EXPECT_NE(refusal(Tokens(admin).rights_of(Peer::owner, kPod), {"reload", Need::operate}), "");
}

TEST(TokensTest, WithoutOneTheConfigSaysWhatMembersOfTheGroupMayDo) {
  conf::Admin admin = config();
  const Asked status{"status", Need::read};
  const Asked bleed{"bleed", Need::bleed, kAlice};
  const auto other = [&admin] { return Tokens(admin).rights_of(Peer::other, std::nullopt); };
  EXPECT_EQ(refusal(other(), bleed), "");
  admin.without_token = conf::WithoutToken::read;
  EXPECT_EQ(refusal(other(), status), "");
  EXPECT_EQ(refusal(other(), bleed),
            "'bleed shop/alice' needs a token; without one the scope is read ([admin] "
            "without_token)");
  admin.without_token = conf::WithoutToken::none;
  EXPECT_EQ(refusal(other(), status),
            "'status' needs a token; without one the scope is nothing ([admin] without_token)");
  EXPECT_NE(refusal(other(), {"help", Need::anything}), "");
  EXPECT_EQ(refusal(Tokens(admin).rights_of(Peer::owner, std::nullopt), {"reload", Need::operate}),
            "");
}

TEST(TokensTest, TheAuthorOfAChangeIsTheTokenAndTheUser) {
  const conf::Admin admin = config();
  EXPECT_EQ(Tokens(admin).rights_of(Peer::other, kCi)->author("deploy"), "token ci (deploy)");
  EXPECT_EQ(Tokens(admin).rights_of(Peer::other, std::nullopt)->author("deploy"), "deploy");
}

TEST(TokenWordTest, IsTheFirstWordOfALine) {
  const auto split = [](std::string_view line) {
    const Presented presented = split_token(line);
    return std::string(presented.token.value_or("none")) + "|" + std::string(presented.command);
  };
  EXPECT_EQ(split("status json"), "none|status json");
  EXPECT_EQ(split("token:secret status json"), "secret| status json");
  EXPECT_EQ(split(" \ttoken:secret\tstatus"), "secret|\tstatus");
  EXPECT_EQ(split("token:secret"), "secret|");
  EXPECT_EQ(split("token: status"), "| status");
  EXPECT_EQ(split("status token:secret"), "none|status token:secret");
  EXPECT_EQ(split(""), "none|");
  EXPECT_EQ(split("token:a;b show stat"), "a;b| show stat");
  EXPECT_EQ(with_token("", "status"), "status");
  EXPECT_EQ(split(with_token("se\"cr\\et", "status")), "se\"cr\\et| status");
}

TEST(NeedTest, EveryCommandSaysWhatItNeeds) {
  const std::map<Need, std::set<std::string>> expected{
      {Need::anything, {"version", "help"}},
      {Need::read, {"status", "why", "sessions", "events", "roll", "members"}},
      {Need::read_node, {"wait"}},
      {Need::bleed, {"bleed"}}};
  std::map<Need, std::set<std::string>> found;
  for (const Command& command : command_table()) {
    if (command.need != Need::operate) found[command.need].insert(std::string(command.name));
    for (const Option& option : command.options) {
      const bool overrides =
          option.name == "force" || option.name == "abandon" || option.name == "local";
      EXPECT_EQ(option.need, overrides ? Need::operate : Need::anything) << option.name;
    }
  }
  EXPECT_EQ(found, expected);
}

TEST(WrongTokensTest, AreLoggedAtMostSoOften) {
  std::ostringstream log;
  auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log));
  logger->set_pattern("%v");
  spdlog::set_default_logger(logger);
  ManualClock clock;
  WrongTokens wrong(clock);
  for (int i = 0; i < 1000; ++i) wrong.add("deploy");
  clock.advance(WrongTokens::kLogInterval - Millis{1});
  wrong.add("deploy");
  clock.advance(Millis{1});
  wrong.add("guest");
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("none"));
  EXPECT_EQ(wrong.count(), 1002U);
  EXPECT_EQ(log.str(),
            "admin: a wrong token from deploy; 1 since the start\n"
            "admin: a wrong token from guest; 1002 since the start\n");
}

}  // namespace
}  // namespace bonedry::admin::access
