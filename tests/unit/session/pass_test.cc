// The seal of passes, and what makes a pass valid.
#include "session/pass.h"

#include "session/base64url.h"
#include "session/pass_checker.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const std::string kPassSecret = "a secret for passes, long enough";
const std::string kNewPassSecret = "another secret, also long enough";
constexpr WallTime kMade{1'700'000'000'123};

class PassTest : public testing::Test {
 protected:
  PassTest() {
    pool.config.name = "shop";
    for (const char* name : {"alice", "bob"}) {
      pool.nodes.emplace_back().node =
          std::make_shared<balancer::Node>("shop", name, counts.emplace_back());
    }
  }

  [[nodiscard]] std::string pass_for(std::string_view node, Millis ttl = minutes{15}) {
    return sealer.seal(node, kMade, ttl);
  }
  /// The node of the pass, or why it is not valid.
  [[nodiscard]] std::string verdict(std::string_view token, WallTime wall = kMade) const {
    return verdict(token, {kPassSecret}, wall);
  }
  [[nodiscard]] std::string verdict(std::string_view token, const std::vector<std::string>& secrets,
                                    WallTime wall = kMade) const {
    const auto checked = PassChecker(pool, secrets).check(token, wall);
    if (checked) return checked->node->name();
    switch (checked.error()) {
      case PassFault::unknown:
        return "unknown";
      case PassFault::expired:
        return "expired";
      case PassFault::revoked:
        return "revoked";
      case PassFault::node_gone:
        return "node gone";
    }
    return "?";
  }

  std::deque<balancer::SessionCounts> counts;
  balancer::PoolView pool;
  PassSealer sealer{std::vector{kPassSecret}, "shop"};
};

TEST_F(PassTest, WhatWasSealedIsOpened) {
  const auto opened = sealer.open(sealer.seal("alice", kMade, Millis{90'500}));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->node, sealer.node_key(0, "alice"));
  EXPECT_EQ(opened->issued, kMade);
  EXPECT_EQ(opened->expires, kMade + seconds{91}) << "whole seconds, rounded up";
  EXPECT_EQ(sealer.open(pass_for("alice", kMaxPassTtl))->expires, kMade + kMaxPassTtl);
}

TEST_F(PassTest, ATokenFitsIntoUrlsCookiesAndFields) {
  for (const char* node : {"", "alice", "a-node-with-a-very-long-name-indeed"}) {
    const std::string token = pass_for(node);
    EXPECT_EQ(token.size(), kPassLength);
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_"),
              std::string::npos)
        << token;
  }
}

TEST_F(PassTest, AnyChangeOfASingleCharacterIsRefused) {
  const std::string good = pass_for("alice");
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char c : base64url::kAlphabet) {
      if (c == good[at]) continue;
      std::string forged = good;
      forged[at] = c;
      ASSERT_EQ(verdict(forged), "unknown") << "at " << at << ": " << c;
    }
  }
}

TEST_F(PassTest, AnyOtherFormIsRefused) {
  const std::string good = pass_for("alice");
  std::vector<std::string> bad{"",
                               "x",
                               good.substr(1),
                               good.substr(0, 47),
                               good + "A",
                               good + good,
                               std::string(kPassLength, 'A'),
                               std::string(kPassLength, '_')};
  for (const char c : {'=', '+', '/', ' ', '\0', '\x7f', '\xff', '\n', '"', '%'}) {
    bad.push_back(good);
    bad.back()[10] = c;
  }
  for (const std::string& token : bad) EXPECT_EQ(verdict(token), "unknown") << token;
}

TEST_F(PassTest, HalvesOfTwoPassesDoNotMakeAThird) {
  const std::string one = pass_for("alice");
  const std::string two = pass_for("bob", hours{1});
  for (std::size_t cut = 1; cut < kPassLength; ++cut) {
    for (const std::string& mixed :
         {one.substr(0, cut) + two.substr(cut), two.substr(0, cut) + one.substr(cut)}) {
      if (mixed == one || mixed == two) continue;  // the key id at the beginning is equal
      EXPECT_EQ(verdict(mixed), "unknown") << cut;
    }
  }
}

TEST_F(PassTest, ItLeadsToItsOwnNodeAndNoOther) {
  EXPECT_EQ(verdict(pass_for("alice")), "alice");
  EXPECT_EQ(verdict(pass_for("bob")), "bob");
  EXPECT_EQ(verdict(pass_for("carol")), "node gone");
}

TEST_F(PassTest, ItIsForOnePool) {
  PassSealer other(std::vector{kPassSecret}, "blog");
  EXPECT_EQ(verdict(other.seal("alice", kMade, minutes{15})), "unknown");
}

TEST_F(PassTest, ItEndsWithItsTime) {
  const std::string token = pass_for("alice", minutes{15});
  EXPECT_EQ(verdict(token, kMade + minutes{15} - Millis{1}), "alice");
  EXPECT_EQ(verdict(token, kMade + minutes{15}), "expired");
  EXPECT_EQ(verdict(token, kMade + hours{1000}), "expired");
}

TEST_F(PassTest, ARevocationVoidsWhatWasIssuedUntilThenForThatNodeAlone) {
  pool.nodes[0].passes_revoked = kMade;
  EXPECT_EQ(verdict(pass_for("alice")), "revoked");
  EXPECT_EQ(verdict(pass_for("bob")), "bob");
  EXPECT_EQ(verdict(sealer.seal("alice", kMade + Millis{1}, minutes{15})), "alice");
}

TEST_F(PassTest, AnotherSecretRefusesItAndWhileKeysRotateAllOpen) {
  const std::string token = pass_for("alice");
  EXPECT_EQ(verdict(token, {kNewPassSecret}), "unknown");
  EXPECT_EQ(verdict(token, {kNewPassSecret, kPassSecret}), "alice");
  PassSealer rotated(std::vector{kNewPassSecret, kPassSecret}, "shop");
  const std::string newer = rotated.seal("alice", kMade, minutes{15});
  EXPECT_EQ(verdict(newer, {kNewPassSecret}), "alice");
  EXPECT_EQ(verdict(newer, {kPassSecret}), "unknown");
}

TEST_F(PassTest, SeveralProxiesAgree) {
  PassSealer second(std::vector{kPassSecret}, "shop");
  EXPECT_EQ(second.seal("alice", kMade, minutes{15}), pass_for("alice"));
}

TEST_F(PassTest, WhatIsSealedForAnotherPurposeIsNoPass) {
  SivKey pass_key(kPassSecret, "pass");
  SivKey cookie_key(kPassSecret, "cookie");
  const std::vector<Byte> plain(19, 1);
  std::array<Byte, SivKey::kTagSize> tag{};
  std::vector<Byte> sealed(plain.size());
  std::vector<Byte> opened(plain.size());
  const std::array<Byte, 1> id{7};
  const SivKey::Context context{"shop", id};
  cookie_key.seal(context, plain, tag, sealed);
  EXPECT_TRUE(cookie_key.open(context, tag, sealed, opened));
  EXPECT_EQ(opened, plain);
  EXPECT_FALSE(pass_key.open(context, tag, sealed, opened));
}

}  // namespace
}  // namespace bonedry::session
