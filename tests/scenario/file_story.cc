// Every path that is opened may be something other than a regular file: that is an error with a
// clear message, and never blocks.
#include "tests/scenario/story.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

namespace fs = std::filesystem;

/// What stands in place of a file.
struct Impostor {
  const char* name;
  std::function<void(const std::string& path)> make;
};

void make_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
}

const std::vector<Impostor>& impostors() {
  static const std::vector<Impostor> all = {
      {"a FIFO", [](const std::string& path) { EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0); }},
      {"a directory", [](const std::string& path) { fs::create_directory(path); }},
      {"a socket", make_socket},
      {"an endless device", [](const std::string& path) { fs::create_symlink("/dev/zero", path); }},
      {"a terminal", [](const std::string& path) { fs::create_symlink("/dev/ptmx", path); }},
      {"a link to itself", [](const std::string& path) { fs::create_symlink(path, path); }},
      {"a link to nowhere",
       [](const std::string& path) { fs::create_symlink(path + "-not-mounted/file", path); }},
  };
  return all;
}

class FileStory : public ShopStory {
 protected:
  void prepare(const TestConfig& config) {
    bonedry_ = std::make_unique<BonedryProcess>(config, BonedryProcess::Start::later);
  }
  [[nodiscard]] RunResult run() const {
    return run_program({bonedry_program(), "--config", bonedry_->config_path()});
  }
  [[nodiscard]] std::string state(const std::string& name) const {
    return bonedry_->state_dir() + "/" + name;
  }
  void replace(const std::string& path, const Impostor& impostor) const {
    fs::remove_all(path);
    impostor.make(path);
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, FileStory, testing::Values(1U), name_of_workers);

TEST_P(FileStory, AStartIsRefusedAtOnce) {
  for (const char* name : {"secret", "nodes.json", "ledger", "lock"}) {
    for (const Impostor& impostor : impostors()) {
      SCOPED_TRACE(std::string(name) + " is " + impostor.name);
      prepare(config());
      impostor.make(state(name));
      const RunResult result = run();
      EXPECT_EQ(result.code, 1);
      EXPECT_THAT(result.err, HasSubstr(state(name)));
      EXPECT_TRUE(fs::exists(fs::symlink_status(state(name)))) << "and it is left alone";
    }
  }
}

TEST_P(FileStory, AConfigOrASecretFileThatIsNoneIsRefusedAtOnce) {
  for (const Impostor& impostor : impostors()) {
    SCOPED_TRACE(impostor.name);
    TestConfig shop = config();
    const TempDir directory;
    shop.server = {"secret_file = \"" + (directory / "secrets") + "\""};
    prepare(shop);
    impostor.make(directory / "secrets");
    RunResult result = run();
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr("cannot read " + (directory / "secrets")));
    replace(bonedry_->config_path(), impostor);
    result = run();
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr("cannot read " + bonedry_->config_path()));
    EXPECT_EQ(run_program({bonedry_program(), "--config", bonedry_->config_path(), "--check"}).code,
              1);
    fs::remove_all(bonedry_->config_path());
    bonedry_->configure(shop);
  }
}

TEST_P(FileStory, AReloadAndAnUpgradeAreRefusedAndTheProcessGoesOn) {
  launch(config());
  User ann = live_user_on(alice_);
  for (const Impostor& impostor : impostors()) {
    SCOPED_TRACE(impostor.name);
    replace(bonedry_->config_path(), impostor);
    const std::string why = "cannot read " + bonedry_->config_path();
    EXPECT_THAT(bonedry_->admin("reload"),
                StartsWith("error: the config was not reloaded: " + why));
    EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr(why));
    EXPECT_EQ(ann.click().status, 200);
    EXPECT_EQ(ann.node(), "alice");
  }
  fs::remove_all(bonedry_->config_path());
  bonedry_->configure(config());
  order("reload");
}

TEST_P(FileStory, WhatLiesInTheWayOfTheRecordsIsReplacedOrRefusesTheCommand) {
  launch(config());
  for (const Impostor& impostor : impostors()) {
    for (const char* name : {"nodes.json", "nodes.json.new"}) {
      SCOPED_TRACE(std::string(name) + " is " + impostor.name);
      replace(state(name), impostor);
      const bool refused = fs::is_directory(fs::symlink_status(state(name)));
      const std::string answer = bonedry_->admin("bleed alice");
      EXPECT_EQ(answer.starts_with("error: "), refused) << answer;
      EXPECT_EQ(node(alice_).state, refused ? "active" : "bleeding");
      fs::remove_all(state("nodes.json.new"));
      if (refused) fs::remove_all(state("nodes.json"));
      EXPECT_TRUE(refused || fs::is_regular_file(fs::symlink_status(state("nodes.json"))));
      if (!refused) order("activate alice");
    }
  }
}

TEST_P(FileStory, AnAccessLogIsAFileAPipeOrADevice) {
  for (const Impostor& impostor : impostors()) {
    SCOPED_TRACE(impostor.name);
    const TempDir directory;
    const std::string path = directory / "access.log";
    TestConfig shop = config();
    shop.server = {"[log]", "access = \"" + path + "\""};
    launch(shop);
    EXPECT_EQ(User(bonedry_->address()).click().status, 200);
    replace(path, impostor);
    ASSERT_EQ(::kill(bonedry_->pid(), SIGUSR1), 0);
    // The log's own thread opens it.
    ASSERT_TRUE(
        eventually([this] { return bonedry_->err().find("reopened") != std::string::npos; }));
    EXPECT_EQ(User(bonedry_->address()).click().status, 200);
    bonedry_->stop();
    const std::string name = impostor.name;
    if (name == "a FIFO" || name.ends_with("device") || name == "a terminal") {
      EXPECT_NO_THROW(bonedry_->start());
      EXPECT_EQ(User(bonedry_->address()).click().status, 200);
      continue;
    }
    const RunResult result = run();
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr("cannot open the access log: cannot open " + path));
    EXPECT_THAT(bonedry_->err(), HasSubstr("the access log was not reopened"));
  }
}

TEST_P(FileStory, AnAdminSocketThatIsNoneIsRefusedAndNotReplaced) {
  for (const Impostor& impostor : impostors()) {
    const std::string name = impostor.name;
    if (name == "a socket") continue;  // a socket that nobody accepts on is replaced
    SCOPED_TRACE(name);
    prepare(config());
    impostor.make(bonedry_->socket_path());
    const RunResult result = run();
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr(bonedry_->socket_path() + " already exists"));
    EXPECT_EQ(Ctl(bonedry_->socket_path()).code({"status"}), 5);
    EXPECT_EQ(Ctl(bonedry_->socket_path()).code({"wait", "alice"}), 5);
  }
}

}  // namespace
}  // namespace bonedry::test
