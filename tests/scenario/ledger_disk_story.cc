// A full disk: no request is refused, and the log reports nothing that is not known.
#include "tests/scenario/story.h"

#include <sched.h>
#include <sys/mount.h>

#include <csignal>
#include <cstdio>
#include <deque>
#include <fstream>
#include <string>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

/// A small disk in memory, visible only to this process and its children.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    made_ = ::unshare(CLONE_NEWNS) == 0 &&
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=4m") == 0;
  }
  ~SmallDisk() {
    if (made_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool made() const { return made_; }
  void grow() const {
    ASSERT_EQ(::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  }

 private:
  std::string path_;
  bool made_ = false;
};

class FullDiskStory : public ShopStory {};

INSTANTIATE_TEST_SUITE_P(Workers, FullDiskStory, worker_counts(), name_of_workers);

TEST_P(FullDiskStory, EverybodyIsServedAndDrynessIsWithheld) {
  TestConfig shop = config();
  shop.ledger = {"sessions = 100000"};
  launch(shop);
  bonedry_->stop();
  const SmallDisk disk(bonedry_->state_dir());
  if (!disk.made()) GTEST_SKIP() << "only root can make a small disk";
  bonedry_->start();
  std::uint64_t evicted = 0;
  for (int clients = 0; clients < 40'000 && evicted < 20; ++clients) {
    HttpClient newcomer(bonedry_->address());
    for (int i = 0; i < 100; ++i, ++clients) ASSERT_EQ(newcomer.get("/").status, 200);
    evicted = bonedry_->status().at("ledger").at("evicted");
  }
  ASSERT_GE(evicted, 20U) << "the disk is not full";
  EXPECT_TRUE(eventually([this] {
    return bonedry_->admin("events").find("no disk space is left for the ledger") !=
           std::string::npos;
  }));
  order("bleed alice");
  EXPECT_FALSE(node(alice_).dry);
  EXPECT_THAT(bonedry_->admin("status"), HasSubstr("evicted"));

  disk.grow();
  const auto before = node(bob_).pending;
  HttpClient newcomer(bonedry_->address());
  for (int i = 0; i < 5'000; ++i) ASSERT_EQ(newcomer.get("/").status, 200);
  EXPECT_EQ(node(bob_).pending, before + 5'000) << "those who come now are counted again";
}

/// Fills the free space with a file, until that is removed.
void fill(const std::string& path) {
  std::ofstream file(path);
  const std::string block(4096, 'x');
  while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
}

TEST_P(FullDiskStory, AReloadIsRefusedAndChangesNothing) {
  TestConfig small = config();
  small.ledger = {"sessions = 100000"};
  launch(small);
  bonedry_->stop();
  const SmallDisk disk(bonedry_->state_dir());
  if (!disk.made()) GTEST_SKIP() << "only root can make a small disk";
  bonedry_->start();
  User user = live_user_on(alice_);
  fill(bonedry_->state_dir() + "/ballast");
  TestConfig more = small;
  std::deque<FakeNode> others;
  for (int i = 0; i < 40; ++i) {
    more.pools[0].nodes.emplace_back(others.emplace_back("node" + std::to_string(i)));
  }
  bonedry_->configure(more);
  EXPECT_THAT(bonedry_->admin("reload"), HasSubstr("the running config is unchanged"));
  ASSERT_EQ(::kill(bonedry_->pid(), SIGHUP), 0);
  EXPECT_THAT(bonedry_->admin("reload"), HasSubstr("the running config is unchanged"));
  EXPECT_EQ(bonedry_->status().at("pools").at(0).at("nodes").size(), 2U);
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "alice");
  EXPECT_EQ(std::remove((bonedry_->state_dir() + "/ballast").c_str()), 0);
  order("reload");
  EXPECT_EQ(bonedry_->status().at("pools").at(0).at("nodes").size(), 42U);
}

}  // namespace
}  // namespace bonedry::test
