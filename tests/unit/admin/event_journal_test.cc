#include "admin/event_journal.h"

#include "admin/event_log.h"
#include "proxy/base/file.h"
#include "tests/unit/admin/admin_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace bonedry::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EventJournalTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory / "events.jsonl"; }
  static Event event(const std::string& text) {
    return {WallTime{1'700'000'000'123}, "bleed", "shop/alice", text, "root", "update 4.2"};
  }
  static std::string append(EventJournal& journal, const std::string& text) {
    const Result<> written = journal.append(event(text));
    return written ? "" : written.error();
  }

  test::TestDirectory directory;
};

TEST_F(EventJournalTest, EventsComeBackAsTheyWere) {
  EventJournal journal{path()};
  EXPECT_THAT(journal.load(10), IsEmpty());
  EXPECT_EQ(append(journal, "one \"line\"\n\xff"), "");
  EXPECT_EQ(append(journal, "two"), "");
  const auto events = EventJournal{path()}.load(10);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1], event("two"));
  EXPECT_THAT(events[0].text, HasSubstr("one \"line\"\n"));
  EXPECT_THAT(journal.load(1), ElementsAre(event("two"))) << "the newest";
  struct stat file {};
  ASSERT_EQ(::stat(path().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
}

TEST_F(EventJournalTest, AFullFileIsReplacedAndTheOneBeforeKept) {
  EventJournal journal{path(), 1000};
  for (int i = 0; i < 100; ++i) ASSERT_EQ(append(journal, std::to_string(i)), "");
  EXPECT_LE(std::filesystem::file_size(path()), 1000U);
  EXPECT_LE(std::filesystem::file_size(path() + ".1"), 1000U);
  const auto events = EventJournal(path(), 1000).load(100);
  ASSERT_GT(events.size(), 3U);
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].text, std::to_string(100 - events.size() + i)) << "none is missing";
  }
}

TEST_F(EventJournalTest, ALineThatWasCutHarmsNoOther) {
  ASSERT_TRUE(replace_file(path(), "{\"at_ms\":17000", 0600));
  EventJournal journal{path()};
  EXPECT_EQ(append(journal, "next"), "");
  EXPECT_THAT(journal.load(10), ElementsAre(event("next")));
}

TEST_F(EventJournalTest, WhatIsNoFileIsAnErrorAndDoesNotBlock) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EventJournal journal{path()};
  EXPECT_THAT(append(journal, "one"), HasSubstr("is not a regular file"));
  std::filesystem::remove(path());
  EXPECT_EQ(append(journal, "two"), "") << "mended while it runs";
  EXPECT_THAT(journal.load(10), ElementsAre(event("two")));
}

TEST_F(EventJournalTest, TheLogGoesOnWhereItEnded) {
  ManualClock clock;
  EventJournal journal{path()};
  {
    EventLog log{clock};
    log.keep_in(journal);
    log.add("bleed", "shop/alice", "bleeding by root", {"root", "update 4.2"});
  }
  EventLog log{clock};
  log.keep_in(journal);
  ASSERT_EQ(log.recent().size(), 1U);
  EXPECT_EQ(log.recent().front().by, "root");
  EXPECT_EQ(log.recent().front().reason, "update 4.2");
  log.add("start", "", "started");
  EXPECT_EQ(log.recent().size(), 2U);
}

TEST_F(EventJournalTest, AnEventThatCannotBeKeptIsStillThere) {
  ManualClock clock;
  EventJournal journal{directory / "absent/events.jsonl"};
  EventLog log{clock};
  log.keep_in(journal);
  log.add("start", "", "started");
  EXPECT_EQ(log.recent().size(), 1U);
}

}  // namespace
}  // namespace bonedry::admin
