#include "proxy/io/directory_watch.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <functional>

namespace bonedry::io {
namespace {

namespace fs = std::filesystem;

class DirectoryWatchTest : public testing::Test {
 protected:
  /// Whether the change is noticed. What is not is waited for in vain for a moment.
  bool notices(const std::function<void()>& change) {
    noticed_ = false;
    change();
    Timer give_up(loop_.timers(), [this] { loop_.stop(); });
    give_up.arm(Millis{300});
    loop_.run();
    return noticed_;
  }

  test::TemporaryDirectory directory_;
  test::TemporaryDirectory other_;
  bool noticed_ = false;
  EventLoop loop_;
  DirectoryWatch watch_{loop_, [this] {
                          noticed_ = true;
                          loop_.stop();
                        }};
};

TEST_F(DirectoryWatchTest, NoticesFilesThatAreWrittenRenamedLinkedAndRemoved) {
  EXPECT_TRUE(watch_.watch({directory_.path(), other_.path()}));
  EXPECT_TRUE(notices([this] { directory_.write("a", "1"); }));
  EXPECT_TRUE(notices([this] { directory_.write("a", "2"); }));
  EXPECT_TRUE(notices([this] { fs::rename(directory_ / "a", directory_ / "b"); }));
  EXPECT_TRUE(notices([this] { fs::create_symlink("b", other_ / "link"); }));
  EXPECT_TRUE(notices([this] { fs::permissions(directory_ / "b", fs::perms::owner_read); }));
  EXPECT_TRUE(notices([this] { fs::remove(directory_ / "b"); }));
  EXPECT_FALSE(notices([] {}));
}

TEST_F(DirectoryWatchTest, ForgetsDirectoriesThatAreNotGivenAgain) {
  EXPECT_TRUE(watch_.watch({directory_.path(), other_.path()}));
  EXPECT_TRUE(watch_.watch({other_.path()}));
  notices([] {});  // takes what the kernel tells of the end of a watch
  EXPECT_FALSE(notices([this] { directory_.write("a", "1"); }));
  EXPECT_TRUE(notices([this] { other_.write("a", "1"); }));
  EXPECT_TRUE(watch_.watch({}));
  EXPECT_FALSE(notices([this] { other_.write("a", "2"); }));
  EXPECT_TRUE(watch_.watch({other_.path()}));
  EXPECT_TRUE(notices([this] { other_.write("a", "3"); }));
}

TEST_F(DirectoryWatchTest, SaysWhichDirectoryCannotBeWatchedAndWatchesTheOthers) {
  const Result<> watched = watch_.watch({directory_ / "missing", directory_.path()});
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error(),
            "cannot watch " + (directory_ / "missing") + ": No such file or directory");
  EXPECT_TRUE(notices([this] { directory_.write("a", "1"); }));
}

TEST_F(DirectoryWatchTest, CanBeTriedAgainWhenTheKernelRefusesToWatch) {
  rlimit usual{};
  ::getrlimit(RLIMIT_NOFILE, &usual);
  const rlimit none{0, usual.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const Result<> refused = watch_.watch({directory_.path()});
  ::setrlimit(RLIMIT_NOFILE, &usual);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), "cannot watch directories: inotify: Too many open files");
  EXPECT_TRUE(watch_.watch({directory_.path()}));
  EXPECT_TRUE(notices([this] { directory_.write("a", "1"); }));
}

TEST_F(DirectoryWatchTest, FollowsADirectoryThatWasReplacedWhenItIsGivenAgain) {
  const std::string path = directory_ / "live";
  fs::create_directory(path);
  EXPECT_TRUE(watch_.watch({path}));
  EXPECT_TRUE(notices([&] { fs::remove(path); }));
  fs::create_directory(path);
  EXPECT_TRUE(watch_.watch({path}));
  notices([] {});
  EXPECT_TRUE(notices([this] { directory_.write("live/a", "1"); }));
}

}  // namespace
}  // namespace bonedry::io
