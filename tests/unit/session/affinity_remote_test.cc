// Sessions that other members of a cluster may know better: what is asked, and what the answers
// make of the cookies.

#include "session/sealed_cookie.h"
#include "session/value_hash.h"
#include "tests/unit/session/affinity_rig.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::session {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::Claim;
using test::Door;

class AffinityRemoteTest : public test::AffinityTest {
 protected:
  static constexpr SessionKey kUser{1, 2};

  /// A cookie that another member has made; `age` ago.
  [[nodiscard]] std::string sealed(const std::string& node, const SessionKey& key = kUser,
                                   Millis age = {}) const {
    CookieSealer sealer(secrets, "shop");
    const auto value = sealer.seal({key, sealer.node_key(0, node), clock.wall() - age});
    return {value.data(), value.size()};
  }
  SessionBinding look_up(const std::vector<std::string>& cookies, SessionInquiry& inquiry) {
    CookieLookup lookup;
    lookup.inquiry = &inquiry;
    for (const std::string& each : cookies) affinity->look_up_cookie(each, lookup, clock.now());
    return affinity->finish_lookup(lookup);
  }
  /// A request's first look-up, which collects the questions.
  SessionBinding ask(const std::vector<std::string>& cookies) {
    asked = {};
    SessionBinding binding = look_up(cookies, asked);
    affinity->release(binding, clock.now());
    return binding;
  }
  /// The second one, after this answer to the first question.
  SessionBinding ask_and_answer(const std::string& cookie, Answer answer) {
    (void)ask({cookie});
    asked.close();
    asked.note(0, answer);
    SessionBinding binding = look_up({cookie}, asked);
    affinity->release(binding, clock.now());
    return binding;
  }
  void adopt(std::size_t node, const SessionKey& key = kUser) {
    const auto opened =
        ledger.begin(key, 0, pool.nodes[node].slot, SessionState::live, clock.now(), clock.now());
    ledger.close(opened.ref, clock.now());
  }
  [[nodiscard]] std::size_t questions() const { return asked.questions().size(); }

  SessionInquiry asked;
};

TEST_F(AffinityRemoteTest, AQuestionSaysAllThatTheCookieSays) {
  const std::string cookie = sealed("bob", kUser, hours{2});
  const SessionBinding binding = ask({cookie});
  ASSERT_EQ(questions(), 1U);
  const SessionQuestion& question = asked.questions()[0];
  EXPECT_EQ(question.key, kUser);
  EXPECT_EQ(question.fingerprint, peek(cookie)->fingerprint);
  EXPECT_EQ(question.named, pool.nodes[kBob].slot);
  EXPECT_EQ(question.created, clock.now() - hours{2});
  EXPECT_EQ(binding.claim, Claim::ended) << "as far as this member knows";
  EXPECT_EQ(ledger.totals().sessions, 0U);
}

TEST_F(AffinityRemoteTest, ACookieOfANodeThatIsGoneIsAskedForAsWell) {
  EXPECT_EQ(ask({sealed("zoe")}).claim, Claim::none);
  ASSERT_EQ(questions(), 1U) << "another member may have moved the user to one that is there";
  EXPECT_EQ(asked.questions()[0].named, std::nullopt);
}

TEST_F(AffinityRemoteTest, ACookieOlderThanAnySessionIsNotAskedFor) {
  (void)ask({sealed("bob", kUser, hours{12})});
  EXPECT_EQ(questions(), 0U);
}

TEST_F(AffinityRemoteTest, ASessionOfThisLedgerIsNotAskedFor) {
  std::string cookie = user_on(kAlice);
  EXPECT_EQ(ask({cookie}).claim, Claim::session);
  EXPECT_EQ(questions(), 0U);
  EXPECT_EQ(ask({sealed("bob", {9, 9}), cookie}).claim, Claim::session);
  EXPECT_EQ(questions(), 0U);
  EXPECT_EQ(ask({cookie, sealed("bob", {9, 9})}).claim, Claim::session);
  EXPECT_EQ(questions(), 0U);
}

TEST_F(AffinityRemoteTest, ACookieThatNamesAnotherNodeThanTheRecordIsAskedFor) {
  adopt(kAlice);
  EXPECT_EQ(ask({sealed("alice")}).claim, Claim::session);
  EXPECT_EQ(questions(), 0U);
  EXPECT_EQ(ask({sealed("bob")}).claim, Claim::session);
  EXPECT_EQ(questions(), 1U);
}

TEST_F(AffinityRemoteTest, WhatIsUncertainIsTakenBackAsLiveOnItsOwnNode) {
  bleed(kAlice);
  const std::string cookie = sealed("alice", kUser, hours{1});
  const SessionBinding binding = ask_and_answer(cookie, Answer::uncertain);
  EXPECT_EQ(binding.claim, Claim::session);
  EXPECT_EQ(binding.node, kAlice);
  EXPECT_EQ(binding.created, clock.now() - hours{1});
  EXPECT_EQ(binding.cookie, CookieUpdate::current);
  EXPECT_EQ(on(kAlice), "1 live, 0 pending");
  (void)ask({cookie});
  EXPECT_EQ(questions(), 0U) << "from now on the ledger knows it";
}

TEST_F(AffinityRemoteTest, WhatAllKnowWasTakenIntoTheLedgerAndIsFoundThere) {
  const std::string cookie = sealed("alice");
  (void)ask({cookie});
  adopt(kBob);
  asked.close();
  asked.note(0, Answer::known);
  SessionBinding binding = look_up({cookie}, asked);
  EXPECT_EQ(binding.claim, Claim::session);
  EXPECT_EQ(binding.node, kBob);
  EXPECT_EQ(binding.cookie, CookieUpdate::needed);
  affinity->release(binding, clock.now());
}

TEST_F(AffinityRemoteTest, WhatHasEndedHasEndedThoughThisLedgerIsIncomplete) {
  pool.ledger_complete_at = clock.now() + hours{1};
  rebuild();
  EXPECT_EQ(ask_and_answer(sealed("alice"), Answer::ended).claim, Claim::ended);
  EXPECT_EQ(ledger.totals().sessions, 0U);
  EXPECT_EQ(arrive(sealed("alice")).claim, Claim::session) << "one proxy alone cannot know";
}

TEST_F(AffinityRemoteTest, NothingIsTakenBackBehindAClosedDoor) {
  const auto claim_behind = [this](Door door) {
    pool.nodes[kAlice].state = test::NodeState::bleeding;
    pool.nodes[kAlice].door = door;
    const Claim claim = ask_and_answer(sealed("alice"), Answer::uncertain).claim;
    EXPECT_EQ(ledger.totals().sessions, 0U);
    return claim;
  };
  EXPECT_EQ(claim_behind(Door::shut), Claim::ended);
  EXPECT_EQ(claim_behind(Door::opening), Claim::ended);
  EXPECT_EQ(claim_behind(Door::held), Claim::uncertain);
}

TEST_F(AffinityRemoteTest, BehindAHeldDoorOnlyWhatMayBeAliveIsUncertain) {
  pool.nodes[kAlice].state = test::NodeState::bleeding;
  pool.nodes[kAlice].door = Door::held;
  EXPECT_EQ(ask_and_answer(sealed("alice"), Answer::ended).claim, Claim::ended);
  EXPECT_EQ(arrive(sealed("alice")).claim, Claim::ended);
  pool.ledger_complete_at = clock.now() + hours{1};
  rebuild();
  EXPECT_EQ(arrive(sealed("alice")).claim, Claim::uncertain) << "this ledger may have lost it";
}

TEST_F(AffinityRemoteTest, ASessionThatMayGoOnIsBetterThanOneThatHasEnded) {
  pool.nodes[kBob].state = test::NodeState::bleeding;
  pool.nodes[kBob].door = Door::held;
  const std::string newer = sealed("alice", {3, 3});
  const std::string older = sealed("bob", {4, 4}, hours{1});
  for (const auto& cookies : {std::vector{newer, older}, std::vector{older, newer}}) {
    (void)ask(cookies);
    ASSERT_EQ(questions(), 2U);
    asked.close();
    for (std::size_t at = 0; at < 2; ++at) {
      asked.note(at,
                 asked.questions()[at].key == SessionKey{3, 3} ? Answer::ended : Answer::uncertain);
    }
    const SessionBinding binding = look_up(cookies, asked);
    EXPECT_EQ(binding.claim, Claim::uncertain);
    EXPECT_EQ(binding.node, kBob);
  }
}

// -- Sticky mode `learn`

class AffinityRemoteLearnTest : public AffinityRemoteTest {
 protected:
  AffinityRemoteLearnTest() {
    pool.config.session.sticky = conf::Sticky::learn;
    pool.config.session.cookie = "JSESSIONID";
    secrets.insert(secrets.begin(), "a newer secret, which hashes first");
    rebuild();
  }
};

TEST_F(AffinityRemoteLearnTest, AValueIsAskedForUnderAllSecrets) {
  (void)ask({"abc"});
  ASSERT_EQ(questions(), 2U);
  ValueHash hash(secrets, "shop");
  EXPECT_EQ(asked.questions()[0].key, hash.key(0, "abc"));
  EXPECT_EQ(asked.questions()[1].key, hash.key(1, "abc"));
  EXPECT_EQ(asked.questions()[0].named, std::nullopt);
}

TEST_F(AffinityRemoteLearnTest, AKnownValueIsNotAskedForNorThoseBesideIt) {
  adopt(kBob, ValueHash(secrets, "shop").key(1, "abc"));
  EXPECT_EQ(ask({"abc"}).claim, Claim::session);
  EXPECT_EQ(questions(), 0U);
  EXPECT_EQ(ask({"old", "abc"}).claim, Claim::session);
  EXPECT_EQ(questions(), 0U);
}

TEST_F(AffinityRemoteLearnTest, WhatNobodyIsSureOfIsANewUsers) {
  for (const Answer answer : {Answer::uncertain, Answer::ended}) {
    EXPECT_EQ(ask_and_answer("abc", answer).claim, Claim::none);
    EXPECT_EQ(ledger.totals().sessions, 0U);
  }
}

TEST_F(AffinityRemoteLearnTest, AnEmptyValueIsNotAskedFor) {
  (void)ask({""});
  EXPECT_EQ(questions(), 0U);
}

}  // namespace
}  // namespace bonedry::session
