#include "session/secrets.h"

#include "proxy/base/file.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace bonedry::session {
namespace {

const std::string kOne = "the first secret, which is long enough";
const std::string kTwo = "the second secret, also long enough";

class SecretsTest : public testing::Test {
 protected:
  SecretsTest() { config.state_dir = directory.path(); }

  [[nodiscard]] Secrets load() const {
    Result<Secrets> secrets = load_secrets(config);
    if (secrets) return *secrets;
    ADD_FAILURE() << secrets.error();
    return {};
  }

  /// The error of a config whose secrets must not load.
  [[nodiscard]] std::string error() const {
    const Result<Secrets> secrets = load_secrets(config);
    return secrets ? "no error" : secrets.error();
  }

  bonedry::test::TemporaryDirectory directory;
  conf::Server config;
};

TEST_F(SecretsTest, TheFirstStartMakesOneForTheOwnersEyesOnly) {
  const Secrets made = load();
  ASSERT_EQ(made.all.size(), 1U);
  EXPECT_GE(made.all[0].size(), kSecretMinimum);
  EXPECT_EQ(made.age, SecretAge::generated);
  EXPECT_EQ(bonedry::test::mode_of(directory / "secret"), "600");
}

TEST_F(SecretsTest, TheNextStartKeepsIt) {
  const Secrets made = load();
  const Secrets kept = load();
  EXPECT_EQ(kept.all, made.all);
  EXPECT_EQ(kept.age, SecretAge::existing);
}

TEST_F(SecretsTest, TwoProxiesDoNotMakeTheSame) {
  const Secrets here = load();
  const bonedry::test::TemporaryDirectory elsewhere;
  config.state_dir = elsewhere.path();
  EXPECT_NE(load().all, here.all);
}

TEST_F(SecretsTest, TheConfigsOwnComeFirstAndNoFileIsMade) {
  config.secrets = {kOne, kTwo};
  const Secrets secrets = load();
  EXPECT_EQ(secrets.all, config.secrets);
  EXPECT_EQ(secrets.age, SecretAge::existing);
  EXPECT_FALSE(std::filesystem::exists(directory / "secret"));
}

TEST_F(SecretsTest, AFileHoldsOnePerLine) {
  config.secret_file = directory.write("secrets", kOne + "\n" + kTwo + "\n");
  const Secrets secrets = load();
  EXPECT_EQ(secrets.all, (std::vector<std::string>{kOne, kTwo}));
  EXPECT_EQ(secrets.age, SecretAge::existing);
}

TEST_F(SecretsTest, EmptyLinesCommentsAndCarriageReturnsDoNotCount) {
  config.secret_file = directory.write(
      "secrets", "# rotated on Monday\r\n\r\n" + kOne + "\r\n\n#" + kTwo + "\n" + kTwo);
  EXPECT_EQ(load().all, (std::vector<std::string>{kOne, kTwo}));
}

TEST_F(SecretsTest, AShortOneIsRefusedByPlaceAndLengthAndNotShown) {
  config.secret_file = directory.write("secrets", kOne + "\n\nhunter2\n");
  const std::string text = error();
  EXPECT_EQ(text, config.secret_file + ":3: the secret has 7 characters; expected at least 32");
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

TEST_F(SecretsTest, TheShortestAllowedIsTaken) {
  config.secret_file = directory.write("secrets", std::string(kSecretMinimum, 'x'));
  EXPECT_EQ(load().all.size(), 1U);
  config.secret_file = directory.write("secrets", std::string(kSecretMinimum - 1, 'x'));
  EXPECT_NE(error(), "no error");
}

TEST_F(SecretsTest, AFileWithoutASecretIsRefused) {
  config.secret_file = directory.write("secrets", "# nothing yet\n\n");
  EXPECT_EQ(error(), config.secret_file + ": contains no secret; expected one per line");
}

TEST_F(SecretsTest, AFileThatTheConfigNamesMustBeThere) {
  config.secret_file = directory / "missing";
  const std::string text = error();
  EXPECT_NE(text.find(config.secret_file), std::string::npos) << text;
  EXPECT_NE(text.find("No such file"), std::string::npos) << text;
  EXPECT_FALSE(std::filesystem::exists(config.secret_file)) << "none is made in its place";
}

TEST_F(SecretsTest, AGeneratedOneThatWasCutIsRefusedInsteadOfReplaced) {
  // A new secret would forget every user.
  directory.write("secret", "cafe\n");
  EXPECT_NE(error().find("expected at least"), std::string::npos) << error();
}

TEST_F(SecretsTest, AGeneratedOneThatWasDamagedIsRefusedWhicheverBitItIs) {
  const Secrets made = load();
  const std::string content = *read_file(directory / "secret", 1024);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < content.size() * 8; ++bit) {
    std::string damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    directory.write("secret", damaged);
    const Result<Secrets> secrets = load_secrets(config);
    // Damage to "# check" turns that line into an ordinary comment: nothing is checked then.
    if (secrets) {
      EXPECT_EQ(secrets->all, made.all) << "bit " << bit;
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 64U * 8) << "at least the bits of the secret";
}

TEST_F(SecretsTest, AGeneratedOneThatWasEditedHasNoCheck) {
  directory.write("secret", kOne + "\n" + kTwo + "\n");
  EXPECT_EQ(load().all, (std::vector<std::string>{kOne, kTwo}));
}

TEST_F(SecretsTest, AGeneratedOneMayHaveBeenGivenOtherLineEnds) {
  const Secrets made = load();
  std::string content = *read_file(directory / "secret", 1024);
  for (std::size_t at = 0; (at = content.find('\n', at)) != std::string::npos; at += 2) {
    content.insert(at, 1, '\r');
  }
  directory.write("secret", content);
  EXPECT_EQ(load().all, made.all);
}

TEST_F(SecretsTest, ACommentInTheConfigsFileIsNoCheck) {
  config.secret_file = directory.write("secrets", "# check it with Hans\n" + kOne + "\n");
  EXPECT_EQ(load().all, std::vector<std::string>{kOne});
}

TEST_F(SecretsTest, AGeneratedOneThatIsOutOfReachIsNotMadeAnew) {
  std::filesystem::create_symlink(directory / "not-mounted/secret", directory / "secret");
  EXPECT_NE(error().find("No such file"), std::string::npos) << error();
  std::filesystem::remove(directory / "secret");
  std::filesystem::create_symlink("secret", directory / "secret");
  EXPECT_NE(error().find("cannot read " + (directory / "secret")), std::string::npos) << error();
}

TEST_F(SecretsTest, AFileIsSmall) {
  config.secret_file = directory.write("secrets", std::string(64 * 1024 + 1, 'x'));
  EXPECT_EQ(error(), "cannot read " + config.secret_file + ": it is larger than 64 KiB");
}

TEST_F(SecretsTest, AStateDirectoryThatIsNoneIsAnError) {
  config.state_dir = directory.write("file", "") + "/below";
  EXPECT_NE(error(), "no error");
}

}  // namespace
}  // namespace bonedry::session
