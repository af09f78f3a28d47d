// Tokens of the admin socket, for those who may do little.
#include "tests/scenario/story.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kCi = "the-token-of-ci-0";
constexpr const char* kPod = "the-token-of-a-pod";

class TokenStory : public ShopStory {
 protected:
  std::string file(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    const std::string path = files_ / name;
    write_file(path, text);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  [[nodiscard]] TestConfig with_tokens(const std::string& without_token = "operate") const {
    TestConfig made = config({"idle_timeout = \"2s\""});
    made.admin = {"without_token = \"" + without_token + "\""};
    made.sections = {"[[admin.token]]",
                     "name = \"ci\"",
                     "token_file = \"" + (files_ / "ci") + "\"",
                     "scope = [\"read\"]",
                     "[[admin.token]]",
                     "name = \"pod\"",
                     std::string("token = \"") + kPod + "\"",
                     "scope = [\"bleed:shop/alice\"]"};
    return made;
  }
  [[nodiscard]] RunResult ctl_with(const std::string& token,
                                   std::vector<std::string> arguments) const {
    std::vector<std::string> all = {bonedryctl_program(), "--socket", bonedry_->socket_path()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program(all, {"BONEDRY_TOKEN=" + token}, kDeadline * 3);
  }
  /// One line from a user who is neither root nor the user that bonedry runs as.
  [[nodiscard]] std::string from_another_user(const std::string& line) const {
    const RunResult result =
        run_program({"/bin/sh", "-c",
                     "echo '" + line +
                         "' | setpriv --reuid=65534 --regid=65534 --clear-groups "
                         "socat -t 10 - UNIX-CONNECT:" +
                         bonedry_->socket_path()});
    return result.out + result.err;
  }
  /// As if all users were members of the socket's group.
  void open_to_all() const {
    const std::string path = bonedry_->socket_path();
    EXPECT_EQ(::chmod(path.c_str(), 0666), 0);
    const std::string directory = std::filesystem::path(path).parent_path();
    EXPECT_EQ(::chmod(directory.c_str(), 0755), 0);
  }

  TempDir files_;
};

INSTANTIATE_TEST_SUITE_P(Workers, TokenStory, testing::Values(1U), name_of_workers);

TEST_P(TokenStory, APodBleedsItsOwnNodeAndWaitsForIt) {
  file("ci", kCi);
  launch(with_tokens());
  const User user = live_user_on(alice_);
  const RunResult drained = ctl_with(kPod, {"bleed", "alice", "--wait"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_THAT(drained.out, HasSubstr("dry: no users left on shop/alice"));
  const RunResult other = ctl_with(kPod, {"bleed", "bob"});
  EXPECT_EQ(other.code, 1);
  EXPECT_EQ(other.err,
            "error: token 'pod' may not bleed shop/bob: its scope is bleed:shop/alice\n");
  EXPECT_THAT(bonedry_->admin("events"), HasSubstr("by token pod ("));
  EXPECT_THAT(bonedry_->admin("events") + bonedry_->admin("status json") + bonedry_->err(),
              Not(HasSubstr(kPod)));
}

TEST_P(TokenStory, TheTokenOfACiJobIsInAFile) {
  const std::string path = file("ci", std::string(kCi) + "\n");
  launch(with_tokens());
  EXPECT_EQ(ctl().code({"--token-file", path, "status"}), 0);
  const RunResult refused = ctl().run({"reload", "--token-file", path});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err, "error: token 'ci' may not reload: its scope is read\n");
  const RunResult roll = ctl().run({"roll", "shop", "--token-file", path, "--", "/bin/true"});
  EXPECT_EQ(roll.code, 1);
  EXPECT_THAT(roll.err, HasSubstr("token 'ci' may not roll-hold"));
  EXPECT_EQ(ctl().code({"--token-file", files_ / "none", "status"}), 2);
  const RunResult wrong = ctl_with("the-token-of-nobody", {"status"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_EQ(wrong.err, "error: wrong token\n");
  EXPECT_TRUE(bonedry_->says("admin: a wrong token from "));
  EXPECT_THAT(bonedry_->err(), Not(HasSubstr("the-token-of-nobody")));
}

TEST_P(TokenStory, ATokenThatMayOperateRollsAPool) {
  file("ci", kCi);
  TestConfig made = with_tokens();
  made.sections.back() = "scope = [\"operate\"]";
  made.pools[0].health = {"interval = \"50ms\"", "rise = 1"};
  launch(made);
  const RunResult roll = ctl_with(kPod, {"roll", "shop", "--", "/bin/true"});
  EXPECT_EQ(roll.code, 0) << roll.out << roll.err;
  EXPECT_THAT(bonedry_->admin("events"), HasSubstr("token pod ("));
}

TEST_P(TokenStory, AReloadReadsTheFileAgain) {
  const std::string path = file("ci", kCi);
  launch(with_tokens());
  file("ci", "another-token-of-ci");
  EXPECT_THAT(bonedry_->admin(std::string("token:") + kCi + " status"), HasSubstr("shop/alice"));
  order("reload");
  EXPECT_EQ(bonedry_->admin(std::string("token:") + kCi + " status"), "error: wrong token\n");
  EXPECT_THAT(bonedry_->admin("token:another-token-of-ci status"), HasSubstr("shop/alice"));
  file("ci", "another-token-of-ci", 0644);
  EXPECT_THAT(bonedry_->admin("reload"), HasSubstr("is accessible to all users; use chmod o="));
  EXPECT_THAT(bonedry_->admin("token:another-token-of-ci status"), HasSubstr("shop/alice"));
}

TEST_P(TokenStory, CheckReadsTheFiles) {
  const std::string path = file("ci", kCi);
  launch(with_tokens());
  const std::vector<std::string> check{bonedry_program(), "--check", "--config",
                                       bonedry_->config_path()};
  EXPECT_EQ(run_program(check).code, 0);
  std::filesystem::remove(path);
  const RunResult missing = run_program(check);
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("admin.token[ci].token_file: cannot read " + path));
  write_file(path, kPod);
  ::chmod(path.c_str(), 0600);
  EXPECT_THAT(run_program(check).err, HasSubstr("the same as that of \"ci\""));
}

TEST_P(TokenStory, MembersOfTheGroupCanBeMadeToNeedOne) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can act as another user";
  file("ci", kCi);
  launch(with_tokens("read"));
  open_to_all();
  EXPECT_THAT(from_another_user("status"), HasSubstr("shop/alice"));
  EXPECT_EQ(from_another_user("bleed alice"),
            "error: 'bleed shop/alice' needs a token; without one the scope is read ([admin] "
            "without_token)\n");
  EXPECT_THAT(from_another_user(std::string("token:") + kPod + " bleed alice"),
              StartsWith("shop/alice is bleeding"));
  order("activate alice");  // we are the user that bonedry runs as
  bonedry_->configure(with_tokens("none"));
  order("reload");
  EXPECT_EQ(from_another_user("status"),
            "error: 'status' needs a token; without one the scope is nothing ([admin] "
            "without_token)\n");
  EXPECT_THAT(from_another_user(std::string("token:") + kCi + " status"), HasSubstr("shop/alice"));
}

}  // namespace
}  // namespace bonedry::test
