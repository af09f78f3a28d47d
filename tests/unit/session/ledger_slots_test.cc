#include "session/ledger_layout.h"
#include "tests/unit/session/ledger_rig.h"

#include <set>
#include <stdexcept>

namespace bonedry::session::test {
namespace {

class LedgerSlotsTest : public LedgerTest {
 protected:
  static std::string name(std::size_t number) { return "shop/n" + std::to_string(number); }

  /// Claims all remaining slots.
  void fill() {
    for (std::size_t i = 2; i < layout::kMaxSlots; ++i) ASSERT_TRUE(ledger.claim_slot(name(i)));
  }
  [[nodiscard]] std::string claimed(const std::string& key) {
    const Result<NodeSlot> slot = ledger.claim_slot(key);
    return slot ? std::to_string(*slot) : slot.error();
  }
};

TEST_F(LedgerSlotsTest, OneTooManyIsAnErrorAndChangesNothing) {
  fill();
  const std::string error =
      "the ledger has no room for node shop/more: all 8192 places are taken by nodes in the "
      "config or nodes that still have users";
  EXPECT_EQ(claimed("shop/more"), error);
  EXPECT_THROW((void)ledger.slot_of("shop/more"), std::length_error);
  EXPECT_EQ(claimed("shop/alice"), std::to_string(alice));
  EXPECT_EQ(ledger.nodes().size(), layout::kMaxSlots);
}

TEST_F(LedgerSlotsTest, ANameThatIsTooLongIsAnError) {
  EXPECT_NE(claimed("shop/" + std::string(layout::kMaxName, 'x')).find("its name is too long"),
            std::string::npos);
}

TEST_F(LedgerSlotsTest, OneWithAnOpenExchangeOfAPassGoesToNoOther) {
  fill();
  ledger.release_slot(alice);
  ledger.traffic(alice).pass_exchanges_open = 1;
  EXPECT_FALSE(ledger.claim_slot("shop/more"));
  ledger.traffic(alice).pass_exchanges_open = 0;
  EXPECT_EQ(claimed("shop/more"), std::to_string(alice));
}

TEST_F(LedgerSlotsTest, OneThatIsReleasedGoesToAnother) {
  fill();
  ledger.set_address(bob, "127.0.0.1:80");
  ledger.release_slot(bob);
  EXPECT_EQ(claimed("shop/dave"), std::to_string(bob));
  EXPECT_EQ(ledger.nodes()[bob].key, "shop/dave");
  EXPECT_EQ(ledger.nodes()[bob].address, "");
  EXPECT_NE(claimed("shop/bob"), std::to_string(bob));
}

TEST_F(LedgerSlotsTest, UntilThenItsOwnNodeGetsItBack) {
  ledger.release_slot(bob);
  EXPECT_EQ(claimed("shop/bob"), std::to_string(bob));
}

TEST_F(LedgerSlotsTest, OneWithSomebodyOnItIsNotGivenAway) {
  fill();
  add_live(1, bob);
  ledger.release_slot(bob);
  EXPECT_NE(claimed("shop/dave").find("no room"), std::string::npos);
  pass(kIdle + kSlack);
  ledger.traffic(bob).exchanges_open = 1;
  EXPECT_NE(claimed("shop/dave").find("no room"), std::string::npos);
  ledger.traffic(bob).exchanges_open = 0;
  EXPECT_EQ(claimed("shop/dave"), std::to_string(bob));
}

TEST_F(LedgerSlotsTest, OneThatWasJustReleasedRestsWhileOthersAreFree) {
  fill();
  std::set<NodeSlot> given;
  ledger.release_slot(alice);
  ledger.release_slot(bob);
  for (int i = 0; i < 2; ++i) {
    const NodeSlot slot = *ledger.claim_slot("shop/again" + std::to_string(i));
    ledger.release_slot(slot);
    given.insert(slot);
  }
  EXPECT_EQ(given, (std::set<NodeSlot>{alice, bob}));
}

TEST_F(LedgerSlotsTest, WhoWasTakenOffTheOldNodeIsNotOnTheNewOne) {
  fill();
  add_live(1, bob);
  ASSERT_EQ(ledger.displace(bob), 1U);
  ledger.release_slot(bob);
  ASSERT_EQ(claimed("shop/dave"), std::to_string(bob));
  EXPECT_EQ(on(bob), "0 live, 0 pending");
  const auto opened = open(1);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->displaced);
  close(*opened);
}

}  // namespace
}  // namespace bonedry::session::test
