#include "proxy/base/directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace bonedry {
namespace {

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() {
    std::string path = testing::TempDir() + "folder_test.XXXXXX";
    path_ = ::mkdtemp(path.data());
  }
  ~DirectoryTest() override { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string error(mode_t mode, Writers writers) const {
    ::chmod(path_.c_str(), mode);
    const Result<> outcome = check_directory(path_, writers);
    return outcome ? "" : outcome.error();
  }

  std::string path_;
};

TEST_F(DirectoryTest, OneOfOurOwnIsGood) {
  EXPECT_EQ(error(0700, Writers::none), "");
  EXPECT_EQ(error(0755, Writers::none), "");
  EXPECT_EQ(error(0770, Writers::group), "");
  EXPECT_EQ(error(01777, Writers::group), "");
}

TEST_F(DirectoryTest, OneOfOurOwnThatIsEmptyIsClosedToOthers) {
  EXPECT_EQ(error(01777, Writers::none), "");
  struct stat there {};
  ASSERT_EQ(::stat(path_.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777U, 0755U);
}

TEST_F(DirectoryTest, OneThatOthersMayWriteToIsNot) {
  std::ofstream(path_ + "/theirs") << "perhaps";
  EXPECT_NE(error(0770, Writers::none).find("chmod go-w " + path_), std::string::npos);
  EXPECT_NE(error(01777, Writers::none).find("chmod go-w " + path_), std::string::npos);
  EXPECT_NE(error(0777, Writers::group).find("chmod o-w " + path_), std::string::npos);
}

TEST_F(DirectoryTest, OneOfSomebodyElseIsNot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
  for (const Writers writers : {Writers::none, Writers::group}) {
    EXPECT_NE(error(0700, writers).find("chown 0 " + path_), std::string::npos);
  }
}

TEST_F(DirectoryTest, OneThatIsNotThereIsSaid) {
  EXPECT_FALSE(check_directory(path_ + "/none", Writers::none));
}

TEST_F(DirectoryTest, OneThatCanBeCreatedIsWritable) {
  EXPECT_TRUE(check_writable(path_));
  EXPECT_TRUE(check_writable(path_ + "/"));
  EXPECT_TRUE(check_writable(path_ + "/a/b/c"));
  EXPECT_TRUE(std::filesystem::is_empty(path_)) << "nothing was created";
}

TEST_F(DirectoryTest, OneBehindAFileIsNotWritable) {
  const std::string file = path_ + "/file";
  std::ofstream(file) << "x";
  const std::string why = ": Not a directory";
  EXPECT_EQ(check_writable(file).error(), "cannot write to " + file + why);
  EXPECT_EQ(check_writable(file + "/a").error(), "cannot write to " + file + "/a" + why);
}

TEST_F(DirectoryTest, OneThatIsReadOnlyIsNotWritable) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  ::chmod(path_.c_str(), 0500);
  EXPECT_EQ(check_writable(path_ + "/a").error(),
            "cannot write to " + path_ + ": Permission denied");
  ::chmod(path_.c_str(), 0700);
}

}  // namespace
}  // namespace bonedry
