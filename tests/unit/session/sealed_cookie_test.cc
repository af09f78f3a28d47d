#include "session/sealed_cookie.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {
namespace {

using SecretTexts = std::vector<std::string>;

const std::string kOld = "an old secret that is long enough";
const std::string kNew = "a new secret that is long enough!";
constexpr SessionKey kKey{0x0123456789ABCDEF, 0xFEDCBA9876543210};
constexpr WallTime kIssued{1'700'000'000'000};
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

class SealedCookieTest : public testing::Test {
 protected:
  std::string seal(CookieSealer& by, std::string_view node = "alice",
                   const SessionKey& key = kKey) {
    const auto value = by.seal({key, by.node_key(0, node), kIssued});
    return {value.data(), value.size()};
  }

  CookieSealer sealer{SecretTexts{kOld}, "shop"};
};

TEST_F(SealedCookieTest, WhatWasSealedIsOpened) {
  const auto opened = sealer.open(seal(sealer));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->key, kKey);
  EXPECT_EQ(opened->node, sealer.node_key(0, "alice"));
  EXPECT_EQ(opened->issued, kIssued);
}

TEST_F(SealedCookieTest, TheIssueTimeIsKeptInWholeSeconds) {
  const auto value = sealer.seal({kKey, 1, kIssued + Millis{999}});
  const auto opened = sealer.open({value.data(), value.size()});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->issued, kIssued);
}

TEST_F(SealedCookieTest, EveryValueHasTheSameLengthAndFitsIntoACookie) {
  for (const SessionKey& key : {SessionKey{}, kKey, SessionKey{~0ULL, ~0ULL}}) {
    for (const char* node : {"", "alice", "a-node-with-a-very-long-name-indeed"}) {
      const std::string value = seal(sealer, node, key);
      EXPECT_EQ(value.size(), kCookieLength);
      EXPECT_EQ(value.find_first_not_of(kAlphabet), std::string::npos) << value;
    }
  }
}

TEST_F(SealedCookieTest, AnyChangeOfASingleCharacterIsRefused) {
  const std::string good = seal(sealer);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char c : kAlphabet) {
      if (c == good[at]) continue;
      std::string forged = good;
      forged[at] = c;
      EXPECT_FALSE(sealer.open(forged)) << "at " << at << ": " << c;
    }
  }
}

TEST_F(SealedCookieTest, AnyOtherFormIsRefused) {
  const std::string good = seal(sealer);
  std::vector<std::string> bad{"",         "x",        good.substr(1), good.substr(0, 59),
                               good + "A", good + good};
  for (const char c : {'=', '+', '/', ' ', '\0', '\x7f', '\xff', '\n', '"', '%'}) {
    std::string one = good;
    one[10] = c;
    bad.push_back(one);
  }
  for (const std::string& value : bad) {
    EXPECT_FALSE(sealer.open(value)) << value;
    EXPECT_FALSE(peek(value)) << value;
  }
}

TEST_F(SealedCookieTest, AllZeroesAndAllOnesAreRefused) {
  EXPECT_FALSE(sealer.open(std::string(kCookieLength, 'A')));
  EXPECT_FALSE(sealer.open(std::string(kCookieLength, '_')));
}

TEST_F(SealedCookieTest, AnotherSecretRefusesIt) {
  CookieSealer other(SecretTexts{kNew}, "shop");
  EXPECT_FALSE(other.open(seal(sealer)));
}

TEST_F(SealedCookieTest, AnotherPoolRefusesIt) {
  CookieSealer other(SecretTexts{kOld}, "blog");
  EXPECT_FALSE(other.open(seal(sealer)));
}

TEST_F(SealedCookieTest, HalvesOfTwoCookiesDoNotMakeAThird) {
  const std::string one = seal(sealer, "alice");
  const std::string two = seal(sealer, "bob", {1, 2});
  for (std::size_t cut = 1; cut < kCookieLength; ++cut) {
    for (const std::string& mixed :
         {one.substr(0, cut) + two.substr(cut), two.substr(0, cut) + one.substr(cut)}) {
      if (mixed == one || mixed == two) continue;  // the key id at the beginning is equal
      EXPECT_FALSE(sealer.open(mixed)) << cut;
    }
  }
}

TEST_F(SealedCookieTest, SeveralProxiesAgree) {
  CookieSealer second(SecretTexts{kOld}, "shop");
  EXPECT_EQ(seal(second), seal(sealer));
  const auto opened = second.open(seal(sealer, "bob"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->node, second.node_key(0, "bob"));
}

TEST_F(SealedCookieTest, WhileKeysRotateTheFirstSealsAndAllOpen) {
  CookieSealer rotating(SecretTexts{kNew, kOld}, "shop");
  CookieSealer done(SecretTexts{kNew}, "shop");
  ASSERT_EQ(rotating.secrets(), 2U);

  const auto old_cookie = rotating.open(seal(sealer));
  ASSERT_TRUE(old_cookie);
  EXPECT_EQ(old_cookie->node, rotating.node_key(1, "alice"));

  const std::string new_cookie = seal(rotating);
  EXPECT_TRUE(rotating.open(new_cookie));
  EXPECT_TRUE(done.open(new_cookie));
  EXPECT_FALSE(sealer.open(new_cookie)) << "sealed by the old secret";
  EXPECT_FALSE(done.open(seal(sealer))) << "the old secret is gone";
}

TEST_F(SealedCookieTest, ManySecretsAllOpen) {
  // More secrets than key ids, so some share a key id.
  SecretTexts many;
  for (int i = 0; i < 300; ++i) many.push_back(kOld + std::to_string(i));
  CookieSealer all(many, "shop");
  for (const std::string& secret : many) {
    CookieSealer one(SecretTexts{secret}, "shop");
    EXPECT_TRUE(all.open(seal(one))) << secret;
  }
}

TEST_F(SealedCookieTest, ANodeKeyDependsOnNameAndSecretOnly) {
  CookieSealer same(SecretTexts{kOld}, "shop");
  EXPECT_EQ(same.node_key(0, "alice"), sealer.node_key(0, "alice"));
  EXPECT_NE(sealer.node_key(0, "bob"), sealer.node_key(0, "alice"));
  CookieSealer other(SecretTexts{kNew}, "shop");
  EXPECT_NE(other.node_key(0, "alice"), sealer.node_key(0, "alice"));
  CookieSealer rotating(SecretTexts{kNew, kOld}, "shop");
  EXPECT_EQ(rotating.node_key(0, "alice"), other.node_key(0, "alice"));
  EXPECT_EQ(rotating.node_key(1, "alice"), sealer.node_key(0, "alice"));
}

TEST_F(SealedCookieTest, TheValueTellsNothingOfTheNode) {
  // The cookies of two users on one node share only the key id; one user's cookies for two nodes
  // share only the key id and the session key.
  const std::string one = seal(sealer, "alice", {1, 1});
  const std::string two = seal(sealer, "alice", {2, 2});
  const auto alike = [](const std::string& a, const std::string& b, std::size_t from) {
    std::size_t count = 0;
    for (std::size_t i = from; i < a.size(); ++i) count += a[i] == b[i] ? 1U : 0U;
    return count;
  };
  constexpr std::size_t kSealedFrom = 23;  // in characters: after key id and session key
  EXPECT_LT(alike(one, two, kSealedFrom), 8U);
  EXPECT_LT(alike(one, seal(sealer, "bob", {1, 1}), kSealedFrom), 8U);
}

TEST_F(SealedCookieTest, NeitherNameNorNodeKeyNorSecretCanBeRead) {
  const std::string value = seal(sealer, "alice");
  std::string bytes;  // decoded base64
  unsigned word = 0;
  unsigned bits = 0;
  for (const char c : value) {
    word = (word << 6U) | static_cast<unsigned>(kAlphabet.find(c));
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>((word >> (bits -= 8)) & 255U);
  }
  ASSERT_EQ(bytes.size(), 45U);
  std::string big_endian;
  std::string little_endian;
  const NodeKey key = sealer.node_key(0, "alice");
  for (unsigned i = 0; i < 8; ++i) {
    big_endian += static_cast<char>(key >> (56 - 8 * i));
    little_endian += static_cast<char>(key >> (8 * i));
  }
  for (const std::string& text :
       {big_endian, little_endian, std::string("alice"), std::string("shop"), kOld.substr(0, 8)}) {
    EXPECT_EQ(bytes.find(text), std::string::npos) << text;
    EXPECT_EQ(value.find(text), std::string::npos) << text;
  }
}

TEST_F(SealedCookieTest, APeekFindsTheSessionAndKnowsTheVeryCookie) {
  const std::string value = seal(sealer);
  const auto peeked = peek(value);
  ASSERT_TRUE(peeked);
  EXPECT_EQ(peeked->key, kKey);
  EXPECT_EQ(peek(seal(sealer))->fingerprint, peeked->fingerprint)
      << "sealed again: the same cookie";
  EXPECT_NE(peek(seal(sealer, "bob"))->fingerprint, peeked->fingerprint) << "of another node";
}

TEST_F(SealedCookieTest, APeekSeesAnyChangeOfASingleCharacter) {
  const std::string good = seal(sealer);
  const CookiePeek genuine = *peek(good);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char c : kAlphabet) {
      if (c == good[at]) continue;
      std::string forged = good;
      forged[at] = c;
      const auto peeked = peek(forged);
      ASSERT_TRUE(peeked);
      EXPECT_TRUE(peeked->key != genuine.key || peeked->fingerprint != genuine.fingerprint)
          << "at " << at << ": " << c;
    }
  }
}

TEST_F(SealedCookieTest, ASealerNeedsASecret) {
  EXPECT_THROW(CookieSealer(SecretTexts{}, "shop"), std::invalid_argument);
}

TEST(SessionKeyTest, NoTwoRandomOnesAreAlike) {
  std::set<SessionKey> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(random_session_key());
  EXPECT_EQ(seen.size(), 10'000U);
}

}  // namespace
}  // namespace bonedry::session
