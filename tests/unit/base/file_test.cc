#include "proxy/base/file.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>

namespace bonedry {
namespace {

using test::mode_of;

class FileTest : public testing::Test {
 protected:
  /// The error of a result that must have failed.
  template <class T>
  static std::string error_of(const Result<T>& result) {
    return result ? "no error" : result.error();
  }
  static std::string content_of(const std::string& path) {
    const Result<std::string> content = read_file(path);
    return content ? *content : "error: " + content.error();
  }

  test::TemporaryDirectory directory;
};

TEST_F(FileTest, WhatWasWrittenIsRead) {
  const std::string text("line\nanother\0third\xff", 19);
  ASSERT_TRUE(replace_file(directory / "f", text, 0600));
  EXPECT_EQ(content_of(directory / "f"), text);
}

TEST_F(FileTest, OnlyARegularFileIsReadAndNobodyWaitsForAnother) {
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  for (const std::string& path : {std::string(directory / "fifo"), std::string("/dev/zero")}) {
    const Result<std::string> content = read_file(path);
    ASSERT_FALSE(content) << path;
    EXPECT_EQ(content.error(), "cannot read " + path + ": it is not a regular file");
  }
}

TEST_F(FileTest, AReplacedFileHasTheNewContentAndModeAndLeavesNothingBeside) {
  ASSERT_TRUE(replace_file(directory / "f", "a longer first content", 0644));
  EXPECT_EQ(mode_of(directory / "f"), "644");
  ASSERT_TRUE(replace_file(directory / "f", "second", 0600));
  EXPECT_EQ(content_of(directory / "f"), "second");
  EXPECT_EQ(mode_of(directory / "f"), "600");
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    ++files;
  }
  EXPECT_EQ(files, 1U);
}

TEST_F(FileTest, TheModeIsTheOneAskedForWhateverTheUmask) {
  const mode_t before = ::umask(0);
  ASSERT_TRUE(replace_file(directory / "open", "x", 0600));
  ::umask(0077);
  ASSERT_TRUE(replace_file(directory / "closed", "x", 0644));
  ::umask(before);
  EXPECT_EQ(mode_of(directory / "open"), "600");
  EXPECT_EQ(mode_of(directory / "closed"), "644");
}

TEST_F(FileTest, WhatACrashLeftBesideIsReplacedToo) {
  directory.write("f.new", "half of somethi");
  ASSERT_TRUE(replace_file(directory / "f", "whole", 0600));
  EXPECT_EQ(content_of(directory / "f"), "whole");
}

TEST_F(FileTest, AnEmptyFileIsAFile) {
  ASSERT_TRUE(replace_file(directory / "f", "", 0600));
  EXPECT_EQ(content_of(directory / "f"), "");
}

TEST_F(FileTest, AFileThatCannotBeWrittenNamesPathAndReasonAndKeepsTheOld) {
  const std::string below_a_file = directory.write("file", "old") + "/f";
  EXPECT_EQ(error_of(replace_file(below_a_file, "x", 0600)),
            "cannot write " + below_a_file + ".new: Not a directory");
  EXPECT_EQ(content_of(directory / "file"), "old");
  const std::string nowhere = directory / "missing/f";
  EXPECT_EQ(error_of(replace_file(nowhere, "x", 0600)),
            "cannot write " + nowhere + ".new: No such file or directory");
}

TEST_F(FileTest, AFolderIsNotReplacedByAFile) {
  std::filesystem::create_directory(directory / "d");
  directory.write("d/inside", "kept");
  const std::string text = error_of(replace_file(directory / "d", "x", 0600));
  EXPECT_EQ(text.find("cannot write " + (directory / "d")), 0U) << text;
  EXPECT_EQ(content_of(directory / "d/inside"), "kept");
}

TEST_F(FileTest, AWriteThatFailsHalfWayKeepsTheOldAndLeavesNothingBeside) {
  directory.write("f", "old");
  // For a moment files may not grow beyond four bytes: simulates a full disk without root.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{4, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const Result<> outcome = replace_file(directory / "f", "a new content", 0600);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error_of(outcome), "cannot write " + (directory / "f.new") + ": File too large");
  EXPECT_EQ(content_of(directory / "f"), "old");
  EXPECT_FALSE(std::filesystem::exists(directory / "f.new"));
}

TEST_F(FileTest, AFileThatIsMissingNamesPathAndReason) {
  EXPECT_EQ(error_of(read_file(directory / "nix")),
            "cannot read " + (directory / "nix") + ": No such file or directory");
  EXPECT_EQ(error_of(read_file(directory.path())),
            "cannot read " + directory.path() + ": Is a directory");
}

TEST_F(FileTest, AFileThatIsTooLargeIsRefused) {
  const std::string path = directory.write("large", "");
  std::filesystem::resize_file(path, kReadLimit);
  EXPECT_EQ(error_of(read_file(path)), "no error");
  std::filesystem::resize_file(path, kReadLimit + 1);
  EXPECT_EQ(error_of(read_file(path)), "cannot read " + path + ": it is larger than 16 MiB");
}

TEST_F(FileTest, TheLimitMayBeSmaller) {
  const std::string path = directory.write("small", std::string(2048, 'x'));
  EXPECT_TRUE(read_file(path, 2048));
  EXPECT_EQ(error_of(read_file(path, 1024)), "cannot read " + path + ": it is larger than 1 KiB");
}

TEST_F(FileTest, ALinkThatLeadsNowhereIsNotAbsent) {
  EXPECT_TRUE(is_absent(directory / "nix"));
  EXPECT_FALSE(is_absent(directory.write("f", "")));
  std::filesystem::create_symlink(directory / "nix", directory / "link");
  EXPECT_FALSE(is_absent(directory / "link"));
  EXPECT_FALSE(is_absent((directory / "f") + "/below")) << "not known";
}

TEST_F(FileTest, AFolderIsMadeWithItsParentsAndItsMode) {
  ASSERT_TRUE(make_directory(directory / "a/b/c", 0700));
  EXPECT_TRUE(std::filesystem::is_directory(directory / "a/b/c"));
  EXPECT_EQ(mode_of(directory / "a/b/c"), "700");
}

TEST_F(FileTest, AFolderWithASlashBehindItHasItsModeToo) {
  ASSERT_TRUE(make_directory(directory / "state/", 0700));
  EXPECT_EQ(mode_of(directory / "state"), "700");
  ASSERT_TRUE(make_directory(directory / "a/b/", 0700));
  EXPECT_EQ(mode_of(directory / "a/b"), "700");
}

TEST_F(FileTest, AFolderThatIsThereIsLeftAsItIs) {
  ASSERT_TRUE(make_directory(directory / "d", 0755));
  directory.write("d/inside", "kept");
  ASSERT_TRUE(make_directory(directory / "d", 0700));
  EXPECT_EQ(mode_of(directory / "d"), "755");
  EXPECT_EQ(content_of(directory / "d/inside"), "kept");
}

TEST_F(FileTest, AFileInTheWayOfAFolderIsAnError) {
  const std::string path = directory.write("f", "kept");
  EXPECT_EQ(error_of(make_directory(path, 0700)),
            "cannot create " + path + ": a file of that name exists");
  EXPECT_NE(error_of(make_directory(path + "/below", 0700)), "no error");
  EXPECT_EQ(content_of(path), "kept");
}

TEST(ErrnoTextTest, ItIsTheReasonInWords) {
  EXPECT_EQ(errno_text(ENOSPC), "No space left on device");
  EXPECT_EQ(errno_text(EACCES), "Permission denied");
}

}  // namespace
}  // namespace bonedry
