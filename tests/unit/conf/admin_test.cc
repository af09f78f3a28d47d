// [admin], [[admin.token]] and [hooks].
#include "conf/hook_programs.h"
#include "conf/token_files.h"
#include "config_text.h"
#include "tests/support/temporary_directory.h"

#include <sys/stat.h>

#include <fstream>

namespace bonedry::conf::test {
namespace {

constexpr const char* kToken = "0123456789abcdef";

std::string in_a_token(std::string_view text) {
  return beside_a_pool("[[admin.token]]\nname = 'ci'\n" + std::string{text});
}

std::string in_hooks(std::string_view text) {
  return beside_a_pool("[hooks]\n" + std::string{text});
}

TEST(AdminTest, TokensHaveANameASecretAndAScope) {
  const Admin admin = load(in_a_token("token = '0123456789abcdef'\n"
                                      "scope = ['read', 'bleed:shop/alice']"))
                          .config.admin;
  ASSERT_EQ(admin.tokens.size(), 1U);
  EXPECT_EQ(admin.tokens[0].name, "ci");
  EXPECT_TRUE(admin.tokens[0].digest == TokenDigest{kToken});
  EXPECT_FALSE(admin.tokens[0].digest == TokenDigest{"0123456789abcdeF"});
  ASSERT_EQ(admin.tokens[0].scopes.size(), 2U);
  EXPECT_EQ(to_string(admin.tokens[0].scopes[0]), "read");
  EXPECT_EQ(to_string(admin.tokens[0].scopes[1]), "bleed:shop/alice");
  EXPECT_EQ(admin.without_token, WithoutToken::operate);
  EXPECT_EQ(admin.bleed_warning, std::chrono::hours{24});
}

TEST(AdminTest, TheHttpDoorIsOnALoopbackAddressOrAUnixSocket) {
  for (const std::string address : {"127.0.0.1:9900", "127.8.9.1:0", "[::1]:9900"}) {
    const auto http = load(beside_a_pool("[admin]\nhttp = '" + address + "'")).config.admin.http;
    ASSERT_TRUE(http);
    EXPECT_EQ(to_string(http->address), address);
    EXPECT_TRUE(http->is_loopback());
  }
  const auto local = load(beside_a_pool("[admin]\nhttp = '/run/b/http'")).config.admin.http;
  ASSERT_TRUE(local);
  EXPECT_EQ(local->socket, "/run/b/http");
  EXPECT_FALSE(local->is_loopback());
  EXPECT_FALSE(load(beside_a_pool("")).config.admin.http);
}

TEST(AdminTest, BeyondThisMachineTheHttpDoorTakesTlsAndAToken) {
  expect_errors(
      [](std::string_view text) { return beside_a_pool(text); },
      {{"[admin]\nhttp = '0.0.0.0:9900'\n[[admin.token]]\nname = 'ci'\ntoken_file = 'x'\n"
        "scope = ['read']",
        R"(f:2:8: admin.http: "0.0.0.0:9900" can be reached from other machines: it needs TLS; )"
        "add [admin.tls], or use 127.0.0.1"},
       {"[admin]\nhttp = '0.0.0.0:9900'\n[[admin.tls.certificates]]\ncertificate = 'c'\n"
        "key = 'k'",
        R"(f:2:8: admin.http: "0.0.0.0:9900" can be reached from other machines: it needs a token; )"
        "add [[admin.token]], or use 127.0.0.1"},
       {"[admin]\nhttp = '/s'\n[[admin.tls.certificates]]\ncertificate = 'c'\nkey = 'k'",
        "f:2:8: admin.http: a Unix socket takes no TLS; remove [admin.tls]"},
       {"[admin]\nhttp = '127.0.0.1:9900'\ntls.certificates = [{ certificate = 'c', key = 'k' }]\n"
        "tls.strict_host = true",
        "f:4:19: admin.tls.strict_host: is for listeners; remove it"},
       {"[admin]\nsocket = '/s'\nhttp = '/s'",
        "f:3:8: admin.http: is the path of the admin socket; choose another"},
       {"[admin]\nhttp = '127.0.0.1:9900'\n[admin.tls]",
        "f:3:1: admin.tls.certificates: missing; expected at least one certificate and its key"}});
}

TEST(AdminTest, ErrorsOfTokensNeverShowThem) {
  const std::string scope_error =
      R"( is not a scope; expected "read", "bleed:POOL/NODE" or "operate")";
  std::vector<Row> rows{
      {"token = 'fifteen bytes..'\nscope = ['read']",
       "f:3:9: admin.token[ci].token: too short for a token (15 bytes); expected at least 16 "
       "bytes"},
      {"token = 'with a space in it'\nscope = ['read']",
       "f:3:9: admin.token[ci].token: not a token; expected visible ASCII characters without "
       "spaces"},
      {"scope = ['read']",
       "f:1:1: admin.token[ci].token_file: required, but missing; expected token_file, or token"},
      {"token_file = 'x'", "f:1:1: admin.token[ci].scope: required, but missing"},
      {"token_file = 'x'\nscope = []",
       "f:4:9: admin.token[ci].scope: empty; expected at least one element"},
      {"token_file = 'x'\ntoken = '0123456789abcdef'\nscope = ['read']",
       "f:3:14: admin.token[ci].token_file: conflicts with token (line 4); set only one of the "
       "two"}};
  for (const std::string scope :
       {"write", "bleed:", "bleed:alice", "bleed:shop/", "bleed:/alice", "bleed:shop/a/b", ""}) {
    rows.push_back({"token_file = 'x'\nscope = ['" + scope + "']",
                    "f:4:10: admin.token[ci].scope[#1]: \"" + scope + "\"" + scope_error});
  }
  expect_errors(in_a_token, rows);
  const std::string two =
      "token_file = 'x'\nscope = ['read']\n[[admin.token]]\nname = 'ci'\n"
      "token_file = 'y'\nscope = ['read']";
  EXPECT_THAT(errors_of(in_a_token(two)),
              ElementsAre("f:6:8: admin.token[#2].name: \"ci\" is already the name of the token at "
                          "line 2; choose another"));
}

TEST(AdminTest, WarnsOfScopesThatMeanNothing) {
  EXPECT_THAT(warnings_of(in_a_token("token_file = 'x'\nscope = ['bleed:shop/alicia']")),
              ElementsAre("f:4:9: admin.token[ci].scope: \"bleed:shop/alicia\" is for a node that "
                          "this config does not have"));
  EXPECT_THAT(warnings_of(in_a_token("token_file = 'x'\nscope = ['operate', 'read']")),
              ElementsAre("f:4:9: admin.token[ci].scope: \"operate\" allows everything; the other "
                          "scopes add nothing to it"));
}

/// A directory with files of tokens.
class TokenFilesTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0640) {
    const std::string path = directory_ / name;
    std::ofstream{path} << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  static std::string problems(Admin& admin) {
    std::string text;
    for (const Problem& one : read_token_files(admin)) text += one.place.key + ": " + one.what;
    return text;
  }
  static std::string problems_of(const std::string& path) {
    Admin admin;
    admin.tokens.push_back({"ci", path, {}, {}});
    return problems(admin);
  }

  bonedry::test::TemporaryDirectory directory_;
};

TEST_F(TokenFilesTest, TheirContentsAreTheTokens) {
  Admin admin;
  admin.tokens.push_back({"ci", write("ci", std::string{kToken} + "\n"), {}, {}});
  EXPECT_EQ(problems(admin), "");
  EXPECT_TRUE(admin.tokens[0].digest == TokenDigest{kToken});
}

TEST_F(TokenFilesTest, WhatIsWrongWithThemIsAnErrorThatDoesNotShowThem) {
  EXPECT_EQ(problems_of(directory_ / "none"), "admin.token[ci].token_file: cannot read " +
                                                  (directory_ / "none") +
                                                  ": No such file or directory");
  const std::string open = write("open", kToken, 0644);
  EXPECT_EQ(problems_of(open), "admin.token[ci].token_file: " + open +
                                   " is accessible to all users; use chmod o= " + open);
  const std::string brief = write("brief", "brief");
  EXPECT_EQ(problems_of(brief), "admin.token[ci].token_file: " + brief +
                                    ": too short for a token (5 bytes); expected at least 16 "
                                    "bytes");
  const std::string two = write("two", std::string{kToken} + "\n" + kToken + "\n");
  EXPECT_EQ(problems_of(two), "admin.token[ci].token_file: " + two +
                                  ": not a token; expected visible ASCII characters without "
                                  "spaces");
}

TEST_F(TokenFilesTest, EqualTokensAreAnError) {
  Admin admin;
  admin.tokens.push_back({"ci", "", TokenDigest{kToken}, {}});
  admin.tokens.push_back({"pod", write("pod", kToken), {}, {}});
  EXPECT_EQ(problems(admin),
            "admin.token[pod].token_file: the same as that of \"ci\"; each token needs one of its "
            "own");
}

TEST(HooksTest, AreArraysOfWords) {
  const Hooks hooks = load(in_hooks("dry = ['/bin/true', 'a b', '']\ntimeout = '5s'")).config.hooks;
  EXPECT_THAT(hooks.command(HookEvent::dry), ElementsAre("/bin/true", "a b", ""));
  EXPECT_THAT(hooks.command(HookEvent::up), IsEmpty());
  EXPECT_EQ(hooks.timeout, std::chrono::seconds{5});
}

TEST(HooksTest, Errors) {
  expect_errors(
      in_hooks,
      {{"dry = '/bin/true'", "f:2:7: hooks.dry: expected an array, got a string"},
       {"dry = []", "f:2:7: hooks.dry: empty; expected at least one element"},
       {"up = ['true']",
        "f:2:6: hooks.up: \"true\" is not an absolute path; expected the path of a program, then "
        "its arguments"},
       {"timeout = '0s'",
        "f:2:11: hooks.timeout: must be greater than 0; expected e.g. \"90s\", "
        "\"20m\", \"12h\""},
       {"maintain = ['/bin/true']",
        "f:2:1: hooks.maintain: unknown key; expected one of: timeout, "
        "dry, down, up, bleed, activate, bleed_warning"}});
}

TEST(HooksTest, FindsProgramsThatCannotRun) {
  Hooks hooks;
  hooks.commands[0] = {"/bin/true"};
  EXPECT_THAT(missing_programs(hooks), IsEmpty());
  hooks.commands[1] = {"/nowhere/notify"};
  hooks.commands[2] = {"/etc/passwd"};
  hooks.commands[3] = {"/etc"};
  const auto problems = missing_programs(hooks);
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0].place.key, "hooks.down");
  EXPECT_EQ(problems[0].what, "cannot run /nowhere/notify: No such file or directory");
  EXPECT_EQ(problems[1].what, "cannot run /etc/passwd: not executable: Permission denied");
  EXPECT_EQ(problems[2].what, "cannot run /etc: not a regular file");
}

}  // namespace
}  // namespace bonedry::conf::test
