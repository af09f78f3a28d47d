#include "admin/socket_file.h"

#include "tests/unit/admin/admin_rig.h"
#include "tests/unit/admin/client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace bonedry::admin {
namespace {

using test::Client;
using test::TestDirectory;

mode_t mode_of(const std::string& path) {
  struct stat there {};
  return ::lstat(path.c_str(), &there) == 0 ? there.st_mode & 07777U : 0;
}

std::string error_of(const std::string& path) {
  auto made = SocketFile::listen(path);
  return made ? "" : made.error();
}

/// Leaves a socket file behind, as a killed process does.
void leave_stale_socket(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

class Umask {
 public:
  explicit Umask(mode_t mask) : old_(::umask(mask)) {}
  ~Umask() { ::umask(old_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t old_;
};

TEST(SocketFile, HasMode0660WhateverTheUmask) {
  const TestDirectory directory;
  for (const mode_t mask : {0000U, 0022U, 0077U, 0777U}) {
    const Umask umask(mask);
    const auto made = SocketFile::listen(directory / "a.sock");
    ASSERT_TRUE(made) << made.error();
    EXPECT_EQ(mode_of(directory / "a.sock"), 0660U) << mask;
  }
}

TEST(SocketFile, IsNeverMoreOpenThanThatBecauseTheKernelTakesTheModeOfTheSocket) {
  const TestDirectory directory;
  const Umask umask(0);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::fchmod(fd.get(), 0660), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory / "b.sock";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(mode_of(path), 0660U);
}

TEST(SocketFile, MakesItsDirectory) {
  const TestDirectory directory;
  const auto made = SocketFile::listen(directory / "run/bonedry/a.sock");
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ(mode_of(directory / "run/bonedry"), 0755U);
}

TEST(SocketFile, ReplacesWhatADeadProcessLeft) {
  const TestDirectory directory;
  leave_stale_socket(directory / "a.sock");
  const auto made = SocketFile::listen(directory / "a.sock");
  ASSERT_TRUE(made) << made.error();
  EXPECT_TRUE(Client(directory / "a.sock").connected());
}

TEST(SocketFile, LeavesALivingOneAlone) {
  const TestDirectory directory;
  const auto first = SocketFile::listen(directory / "a.sock");
  EXPECT_EQ(error_of(directory / "a.sock"), "another bonedry is listening on " +
                                                (directory / "a.sock") +
                                                "; stop it, or configure a different [admin] "
                                                "socket");
  EXPECT_TRUE(Client(directory / "a.sock").connected());
}

TEST(SocketFile, LeavesOtherFilesAlone) {
  const TestDirectory directory;
  std::ofstream(directory / "a.sock") << "precious";
  EXPECT_NE(error_of(directory / "a.sock").find("is not a socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(directory / "a.sock"));
}

TEST(SocketFile, SaysWhatIsWrongWithAPath) {
  const TestDirectory directory;
  EXPECT_NE(error_of("").find("must have 1 to "), std::string::npos);
  EXPECT_NE(error_of("/tmp/" + std::string(200, 'x')).find("; '/tmp/xxx"), std::string::npos);
  std::ofstream(directory / "file") << "";
  EXPECT_NE(error_of(directory / "file/a.sock").find("a file of that name exists"),
            std::string::npos);
  EXPECT_NE(error_of("/proc/bonedry/a.sock").find("the directory of the admin socket is missing: "),
            std::string::npos);
}

TEST(SocketFile, LeavesNothingBehind) {
  const TestDirectory directory;
  { const auto made = SocketFile::listen(directory / "x/a.sock"); }
  EXPECT_TRUE(std::filesystem::is_empty(directory / "x"));
}

TEST(SocketFile, DoesNotRemoveTheFileOfItsSuccessor) {
  const TestDirectory directory;
  std::optional<SocketFile> successor;
  {
    const auto made = SocketFile::listen(directory / "a.sock");
    std::filesystem::remove(directory / "a.sock");
    successor.emplace(std::move(*SocketFile::listen(directory / "a.sock")));
  }
  EXPECT_TRUE(Client(directory / "a.sock").connected());
}

}  // namespace
}  // namespace bonedry::admin
