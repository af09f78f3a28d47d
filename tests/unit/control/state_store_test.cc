#include "admin/state_store.h"

#include "proxy/base/file.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/control/node_literal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {
namespace {

using balancer::NodeState;

class StateStoreTest : public testing::Test {
 protected:
  static NodeRecord full_record() {
    NodeRecord record;
    record.state = NodeState::maintenance;
    record.since = WallTime{1'700'000'000'123};
    record.by = "root";
    record.reason = "kernel \"update\" of Tuesday\nand Wednesday";
    record.deadline = WallTime{1'700'000'999'999};
    record.dry = Dry::yes;
    record.displaced = Displaced::yes;
    record.removed_from = conf::Address{"::1", 8080};
    return record;
  }
  [[nodiscard]] std::string error() const {
    const Result<NodeRecords> records = store.load();
    return records ? "no error" : records.error();
  }

  bonedry::test::TemporaryDirectory directory;
  std::string path = directory / "nodes.json";
  StateStore store{path};
};

TEST_F(StateStoreTest, NoFileMeansThatAllNodesAreActive) {
  const Result<NodeRecords> records = store.load();
  ASSERT_TRUE(records);
  EXPECT_TRUE(records->empty());
}

TEST_F(StateStoreTest, EverythingThatIsSavedIsLoaded) {
  NodeRecords records;
  records["shop/alice"_node] = full_record();
  records["shop/bob"_node] = NodeRecord{};
  ASSERT_TRUE(store.save(records));
  const Result<NodeRecords> loaded = StateStore(path).load();
  ASSERT_TRUE(loaded) << loaded.error();
  ASSERT_EQ(loaded->size(), 2U);
  const NodeRecord& alice = loaded->at("shop/alice"_node);
  const NodeRecord wanted = full_record();
  EXPECT_EQ(alice.state, wanted.state);
  EXPECT_EQ(alice.since, wanted.since);
  EXPECT_EQ(alice.by, wanted.by);
  EXPECT_EQ(alice.reason, wanted.reason);
  EXPECT_EQ(alice.deadline, wanted.deadline);
  EXPECT_EQ(alice.dry, wanted.dry);
  EXPECT_EQ(alice.displaced, wanted.displaced);
  EXPECT_EQ(alice.removed_from, wanted.removed_from);
  const NodeRecord& bob = loaded->at("shop/bob"_node);
  EXPECT_EQ(bob.state, NodeState::bleeding);
  EXPECT_EQ(bob.deadline, std::nullopt);
  EXPECT_EQ(bob.dry, Dry::no);
  EXPECT_EQ(bob.displaced, Displaced::no);
  EXPECT_EQ(bob.removed_from, std::nullopt);
}

TEST_F(StateStoreTest, InstantsMeanNothingInAnotherBootOrInOneWithoutAName) {
  NodeRecord record = full_record();
  record.since_monotonic = Instant{5};
  record.deadline_monotonic = Instant{7};
  record.deadline_duration = Millis{11};
  const auto loaded = [&](const std::string& wrote, const std::string& reads) {
    EXPECT_TRUE(StateStore(path, wrote).save({{"shop/alice"_node, record}}));
    return StateStore(path, reads).load()->at("shop/alice"_node);
  };
  EXPECT_EQ(loaded("this boot", "this boot"), record);
  NodeRecord without = record;
  without.since_monotonic.reset();
  without.deadline_monotonic.reset();
  EXPECT_EQ(loaded("this boot", "another"), without);
  EXPECT_EQ(loaded("", ""), without);
}

TEST_F(StateStoreTest, AFileFromBeforeThereWereInstantsIsLoaded) {
  directory.write(
      "nodes.json",
      R"({"version":1,"nodes":{"shop/alice":{"state":"bleeding","since_ms":1,"by":"root",)"
      R"("reason":"","deadline_ms":5,"dry":false,"displaced":false,"removed_from":null}}})");
  const Result<NodeRecords> records = store.load();
  ASSERT_TRUE(records) << records.error();
  EXPECT_EQ(records->at("shop/alice"_node).deadline, WallTime{5});
  EXPECT_EQ(records->at("shop/alice"_node).deadline_monotonic, std::nullopt);
}

TEST_F(StateStoreTest, AnOperatorWhoEditsADeadlineIsObeyedWithinTheBoot) {
  NodeRecord record;
  record.deadline = WallTime{1'700'000'999'999};
  record.deadline_monotonic = Instant{7};
  record.deadline_duration = Millis{11};
  StateStore here(path, "this boot");
  ASSERT_TRUE(here.save({{"shop/alice"_node, record}}));
  const std::string whole = *read_file(path);
  const auto edited = [&](const std::string& deadline) {
    std::string text = whole;
    const std::size_t check = text.find("  \"check\"");
    text.erase(check, text.find('\n', check) + 1 - check);
    const std::string date = "1700000999999";
    text.replace(text.find(date), date.size(), deadline);
    directory.write("nodes.json", text);
    const Result<NodeRecords> records = here.load();
    EXPECT_TRUE(records) << records.error();
    return records ? records->at("shop/alice"_node) : record;
  };
  EXPECT_EQ(edited("null").deadline_monotonic, std::nullopt) << "there is none any more";
  EXPECT_EQ(edited("null").deadline_duration, std::nullopt);
  EXPECT_EQ(edited("1700000999998").deadline, WallTime{1'700'000'999'998});
  EXPECT_EQ(edited("1700000999998").deadline_monotonic, std::nullopt)
      << "that was of the date before";
}

TEST_F(StateStoreTest, ADeadlineFromBeforeItsBleedIsRefused) {
  directory.write(
      "nodes.json",
      R"({"version":1,"nodes":{"shop/alice":{"state":"bleeding","since_ms":1,"by":"root",)"
      R"("reason":"","deadline_ms":5,"deadline_after_ms":-5,"dry":false,"displaced":false,)"
      R"("removed_from":null}}})");
  EXPECT_NE(error().find("\"deadline_after_ms\" is negative"), std::string::npos) << error();
}

TEST_F(StateStoreTest, WhatIsNotSavedAgainIsForgotten) {
  ASSERT_TRUE(store.save({{"shop/alice"_node, {}}, {"shop/bob"_node, {}}}));
  ASSERT_TRUE(store.save({{"shop/bob"_node, {}}}));
  EXPECT_EQ(store.load()->size(), 1U);
  ASSERT_TRUE(store.save({}));
  EXPECT_TRUE(store.load()->empty());
}

TEST_F(StateStoreTest, TheFileIsForTheOwnersEyesOnly) {
  ASSERT_TRUE(store.save({}));
  EXPECT_EQ(bonedry::test::mode_of(path), "600");
}

TEST_F(StateStoreTest, AReasonOfAnyBytesIsKeptAsFarAsItCanBe) {
  NodeRecord record;
  record.reason = "caf\xe9 and \xc3\xa4, then \x01";
  ASSERT_TRUE(store.save({{"shop/alice"_node, record}}));
  const Result<NodeRecords> loaded = store.load();
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_NE(loaded->at("shop/alice"_node).reason.find("and \xc3\xa4, then \x01"),
            std::string::npos);
}

TEST_F(StateStoreTest, ACorruptedFileIsAnErrorThatSaysWhatIsAtStake) {
  for (const char* content :
       {"", "{", "not json", "[]", "null", "{}", R"({"version":1})", R"({"version":1,"nodes":5})",
        R"({"version":1,"nodes":{"shop/alice":{}}})", R"({"nodes":{}})",
        R"({"version":"one","nodes":{}})"}) {
    directory.write("nodes.json", content);
    const std::string text = error();
    EXPECT_EQ(text.find(path + ": "), 0U) << content << " -> " << text;
    EXPECT_NE(text.find("could put bleeding nodes back into rotation"), std::string::npos)
        << content << " -> " << text;
  }
}

TEST_F(StateStoreTest, AFileThatWasCutAnywhereIsAnError) {
  ASSERT_TRUE(store.save({{"shop/alice"_node, full_record()}}));
  const std::string whole = *read_file(path);
  for (std::size_t size = 0; size + 3 < whole.size(); ++size) {
    directory.write("nodes.json", whole.substr(0, size));
    EXPECT_NE(error(), "no error") << "cut to " << size;
  }
}

TEST_F(StateStoreTest, AWrongValueIsAnErrorAndNotADefault) {
  ASSERT_TRUE(store.save({{"shop/alice"_node, full_record()}}));
  const std::string whole = *read_file(path);
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"maintenance\"", "\"sleeping\""},
                                                        {"\"dry\": true", "\"dry\": \"yes\""},
                                                        {"\"displaced\": true", "\"displaced\": 1"},
                                                        {"\"dry\"", "\"Dry\""},
                                                        {"1700000000123", "\"yesterday\""},
                                                        {"1700000999999", "\"tomorrow\""},
                                                        {"\"[::1]:8080\"", "\"nowhere\""}}) {
    std::string changed = whole;
    const std::size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from << " in " << whole;
    changed.replace(at, from.size(), to);
    directory.write("nodes.json", changed);
    EXPECT_NE(error(), "no error") << from << " -> " << to;
  }
}

TEST_F(StateStoreTest, WhatNoRecordCanHoldIsAnError) {
  const std::string record =
      R"("by":"root","reason":"","dry":false,"displaced":false,"removed_from":null)";
  const auto load = [&](const std::string& node, const std::string& more) {
    directory.write("nodes.json",
                    R"({"version":1,"nodes":{")" + node + "\":{" + record + "," + more + "}}}");
    return error();
  };
  const std::string sound = R"("state":"bleeding","since_ms":1700000000000,"deadline_ms":null)";
  EXPECT_EQ(load("shop/alice", sound), "no error") << "files of before the checksum";
  EXPECT_NE(load("alice", sound), "no error");
  EXPECT_NE(load("shop/", sound), "no error");
  EXPECT_NE(load("shop/al ice", sound), "no error");
  EXPECT_NE(load("shop/alice", sound + R"(,"colour":"red")"), "no error");
  EXPECT_NE(load("shop/alice", sound + R"(,"dry":true)"), "no error") << "twice";
  EXPECT_NE(load("shop/alice\":{" + record + "," + sound + R"(},"shop/alice)", sound), "no error")
      << "twice";
  for (const char* more :
       {R"("state":"active","since_ms":1700000000000,"deadline_ms":null)",
        R"("state":"bleeding","since_ms":-1,"deadline_ms":null)",
        R"("state":"bleeding","since_ms":1.5,"deadline_ms":null)",
        R"("state":"bleeding","since_ms":1e300,"deadline_ms":null)",
        R"("state":"bleeding","since_ms":18446744073709551615,"deadline_ms":null)",
        R"("state":"bleeding","since_ms":99999999999999999999,"deadline_ms":null)",
        R"("state":"bleeding","since_ms":true,"deadline_ms":null)",
        R"("state":"bleeding","since_ms":1700000000000,"deadline_ms":-1)",
        R"("state":"bleeding","since_ms":1700000000000,"deadline_ms":1e30)"}) {
    const std::string text = load("shop/alice", more);
    EXPECT_NE(text.find("could put bleeding nodes back into rotation"), std::string::npos) << more;
  }
}

TEST_F(StateStoreTest, AFileThatIsNestedTooDeepIsAnError) {
  directory.write("nodes.json", R"({"version":1,"nodes":{},"boot":)" + std::string(1'000'000, '[') +
                                    std::string(1'000'000, ']') + "}");
  EXPECT_NE(error().find("nested too deeply"), std::string::npos) << error();
}

TEST_F(StateStoreTest, NoBitThatFlipsIsTakenForARecord) {
  ASSERT_TRUE(store.save({{"shop/alice"_node, full_record()}, {"shop/bob"_node, {}}}));
  const std::string whole = *read_file(path);
  const auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ static_cast<char>(1U << bit));
      if (is_blank(whole[at]) && is_blank(changed[at])) continue;
      directory.write("nodes.json", changed);
      EXPECT_NE(error(), "no error") << "byte " << at << " bit " << bit << " in " << changed;
    }
  }
}

TEST_F(StateStoreTest, WhoEditsItTakesTheCheckOut) {
  ASSERT_TRUE(store.save({{"shop/alice"_node, full_record()}}));
  std::string edited = *read_file(path);
  edited.replace(edited.find("root"), 4, "ruth");
  directory.write("nodes.json", edited);
  EXPECT_NE(error().find("if you edited it, remove \"check\""), std::string::npos) << error();
  const std::size_t line = edited.find("  \"check\"");
  edited.erase(line, edited.find('\n', line) + 1 - line);
  directory.write("nodes.json", edited);
  ASSERT_EQ(error(), "no error");
  EXPECT_EQ(store.load()->at("shop/alice"_node).by, "ruth");
}

TEST_F(StateStoreTest, ABleedingNodeThatTheLedgerDoesNotKnowIsNoticed) {
  conf::Config config;
  config.pools.emplace_back().name = "shop";
  NodeRecord dry;
  dry.dry = Dry::yes;
  const NodeRecords records{
      {"shop/alice"_node, {}}, {"shop/bob"_node, dry}, {"gone/carol"_node, {}}};
  EXPECT_EQ(nodes_missing_in_ledger(records, {}, config), std::vector{"shop/alice"_node});
  EXPECT_TRUE(nodes_missing_in_ledger(records, {{"shop/alice", 0, ""}}, config).empty());
}

TEST(MarkedSinceTest, GoesByTheClockThatNobodySetsWhereItIsKnown) {
  NodeRecord marked;
  marked.since = WallTime{1'000'000};
  marked.since_monotonic = Instant{50'000};
  const NodeRecords records{{"shop/alice"_node, marked}};
  const std::vector alice{"shop/alice"_node};
  EXPECT_EQ(changed_after(records, {WallTime{1'000'000}, Instant{40'000}}), alice);
  EXPECT_TRUE(changed_after(records, {WallTime{0}, Instant{60'000}}).empty())
      << "the calendar was set back";
  EXPECT_TRUE(changed_after(records, {WallTime{999'000}, std::nullopt}).empty())
      << "within what is told apart";
  EXPECT_EQ(changed_after(records, {WallTime{990'000}, std::nullopt}), alice);
}

TEST_F(StateStoreTest, AnotherVersionIsRefused) {
  directory.write("nodes.json", R"({"version":2,"nodes":{}})");
  EXPECT_EQ(error(), path + ": written by an incompatible version of bonedry");
}

TEST_F(StateStoreTest, AFileThatCannotBeReadIsAnErrorAndNotAnEmptyOne) {
  std::filesystem::create_directory(path);
  EXPECT_NE(error(), "no error");
}

TEST_F(StateStoreTest, ALinkThatLeadsNowhereIsNoAbsentFile) {
  std::filesystem::create_symlink(directory / "not-mounted/nodes.json", path);
  EXPECT_NE(error(), "no error") << "bleeding nodes would be back in rotation";
}

TEST_F(StateStoreTest, AFolderThatIsNoneRefusesTheWriteByPathAndReason) {
  StateStore broken(directory.write("file", "") + "/nodes.json");
  const Result<> saved = broken.save({});
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error(),
            "cannot write " + (directory / "file") + "/nodes.json.new: Not a directory");
}

TEST_F(StateStoreTest, AFailedWriteKeepsTheOldRecords) {
  ASSERT_TRUE(store.save({{"shop/alice"_node, full_record()}}));
  std::filesystem::create_directory(path + ".new");
  EXPECT_FALSE(store.save({}));
  EXPECT_EQ(store.load()->size(), 1U);
}

}  // namespace
}  // namespace bonedry::admin
