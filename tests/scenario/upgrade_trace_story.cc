// What an upgrade leaves behind: the new process inherits nothing that it does not use, and a
// failed upgrade leaves nothing at all, whatever program was put in place of bonedry.
#include "tests/scenario/story.h"

#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

namespace fs = std::filesystem;

class UpgradeTraceStory : public ShopStory {
 protected:
  UpgradeTraceStory() { fs::create_symlink(bonedry_program(), program()); }
  ~UpgradeTraceStory() override {
    bonedry_.reset();
    if (const pid_t pid = left_behind(); pid > 0) ::kill(pid, SIGKILL);
  }

  [[nodiscard]] std::string program() const { return directory_ / "bonedry"; }
  [[nodiscard]] TestConfig replaceable() const {
    TestConfig shop = config();
    shop.program = program();
    shop.timeouts = {"shutdown = \"2s\"", "idle = \"1s\""};
    return shop;
  }

  /// Replaces the program by a shell script. `$REAL` is bonedry; a child that keeps running must
  /// write its pid to `$LEFT`.
  void replace_program(const std::string& script) const {
    fs::remove(program());
    write_file(program(), "#!/bin/sh\nREAL=" + bonedry_program() +
                              "\nLEFT=" + (directory_ / "left") + "\n" + script + "\n");
    ASSERT_EQ(::chmod(program().c_str(), 0700), 0);
  }
  void put_program_back() const {
    fs::remove(program());
    fs::create_symlink(bonedry_program(), program());
  }
  /// The pid of the child that a script left running; 0: none.
  [[nodiscard]] pid_t left_behind() const {
    int pid = 0;
    (void)std::sscanf(read_file(directory_ / "left").c_str(), "%d", &pid);
    return pid;
  }
  [[nodiscard]] bool is_left() const {
    const pid_t pid = left_behind();
    return pid > 0 && ::kill(pid, 0) == 0;
  }

  /// After a stop, no other process may hold the port, the lock or the admin socket.
  void expect_a_stop_frees_everything() {
    const std::string address = bonedry_->address();
    put_program_back();
    bonedry_->stop();
    EXPECT_THROW((void)Socket::connect_tcp(address), ConnectionRefused)
        << "somebody holds the port";
    bonedry_->start();
    EXPECT_EQ(User(bonedry_->address()).click().status, 200);
  }

  TempDir directory_;
};

INSTANTIATE_TEST_SUITE_P(Workers, UpgradeTraceStory, worker_counts(), name_of_workers);

/// Starts a child in its own process session, so that signals to the script's group do not reach
/// it.
const std::string kStays =
    "setsid sh -c 'echo $$ > \"$0\"; exec sleep 600' \"$LEFT\" &\n"
    "until [ -s \"$LEFT\" ]; do :; done\n";

/// Files that this test inherited, such as its log, and that its children inherit in turn.
std::set<std::string> inherited_files() {
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = fs::read_symlink(entry.path(), gone).string();
    if (!gone && target.starts_with('/') && target != "/dev/null") files.insert(target);
  }
  return files;
}

/// The number of descriptors of each kind in a process: "socket", "pipe", and files by name.
std::map<std::string, int> kinds_of(pid_t pid) {
  const std::set<std::string> inherited = inherited_files();
  std::map<std::string, int> kinds;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;
    const std::string target = fs::read_symlink(entry.path(), gone).string();
    const bool numbered = target.starts_with("socket:[") || target.starts_with("pipe:[");
    if (!gone && !inherited.contains(target))
      ++kinds[numbered ? target.substr(0, target.find(':')) : target];
  }
  return kinds;
}

/// The same once no client is connected. The sockets left are the admin socket and each worker's
/// listening socket, which the main thread holds too.
std::map<std::string, int> idle_kinds_of(pid_t pid, unsigned workers) {
  const int listening = 1 + 2 * static_cast<int>(workers);
  EXPECT_TRUE(eventually([&] { return kinds_of(pid)["socket"] == listening; }));
  return kinds_of(pid);
}

TEST_P(UpgradeTraceStory, TheNewProcessHasTheDescriptorsOfAFreshOne) {
  const std::string log = directory_ / "access.log";
  TestConfig shop = replaceable();
  shop.server = {"[log]", "access = \"" + log + "\""};
  launch(shop);
  const auto fresh = idle_kinds_of(bonedry_->pid(), workers());
  for (int round = 0; round < 3; ++round) {
    User(bonedry_->address()).click();
    fs::rename(log, directory_ / ("old." + std::to_string(round)));
    bonedry_->upgrade();
    EXPECT_TRUE(bonedry_->predecessor_ends());
    EXPECT_TRUE(eventually([&] { return kinds_of(bonedry_->pid()) == fresh; }));
    EXPECT_EQ(kinds_of(bonedry_->pid()), fresh);
    EXPECT_EQ(bonedry_->open_descriptors(directory_ / "old"), 0U);
  }
}

TEST_P(UpgradeTraceStory, AnUpgradeThatFailsLeavesTheOldOneWithItsDescriptors) {
  launch(replaceable());
  const auto fresh = idle_kinds_of(bonedry_->pid(), workers());
  replace_program("exit 3");
  for (int round = 0; round < 3; ++round) {
    EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("it exited with code 3"));
  }
  write_file(bonedry_->config_path(), read_file(bonedry_->config_path()) + "nonsense = 1\n");
  put_program_back();
  EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("nonsense"));
  EXPECT_TRUE(eventually([&] { return kinds_of(bonedry_->pid()) == fresh; }));
  EXPECT_EQ(kinds_of(bonedry_->pid()), fresh);
  bonedry_->configure(replaceable());
}

TEST_P(UpgradeTraceStory, AScriptThatEndsAndLeavesAChildHoldsNothing) {
  launch(replaceable());
  User ann = live_user_on(alice_);
  replace_program(kStays + "exit 3");
  EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("it exited with code 3"));
  ASSERT_TRUE(is_left());
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
  expect_a_stop_frees_everything();
  EXPECT_TRUE(is_left()) << "it was there all the time";
}

TEST_P(UpgradeTraceStory, AScriptWhoseBonedryFailsHoldsNothingThatItWasGiven) {
  launch(replaceable());
  replace_program(kStays + "exec \"$REAL\" \"$@\"");
  // By the time the new process fails, it has identified itself and holds the lock and the sockets.
  std::string text = read_file(bonedry_->config_path());
  const std::string socket = "socket = \"" + bonedry_->socket_path() + "\"";
  text.replace(text.find(socket), socket.size(), "socket = \"/proc/no/such/place\"");
  write_file(bonedry_->config_path(), text);
  EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("error: the upgrade failed"));
  ASSERT_TRUE(is_left());
  bonedry_->configure(replaceable());
  expect_a_stop_frees_everything();
}

TEST_P(UpgradeTraceStory, AScriptThatHangsIsEndedWithAStop) {
  launch(replaceable());
  replace_program(kStays + "while :; do sleep 1; done");
  std::string answer;
  std::thread operating([&] { answer = bonedry_->admin("upgrade", kDeadline * 3); });
  EXPECT_TRUE(eventually([this] { return is_left(); }));
  EXPECT_EQ(User(bonedry_->address()).click().status, 200) << "everybody is served meanwhile";
  const TestTime start = TestClock::now();
  expect_a_stop_frees_everything();
  EXPECT_LT(elapsed_since(start), scaled(std::chrono::seconds{10}));
  operating.join();
  EXPECT_THAT(answer, HasSubstr("error: "));
}

TEST_P(UpgradeTraceStory, AScriptThatStaysBesideANewProcessDoesNotKeepTheOldOne) {
  const Gate gate;
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/long", [gate](NodeExchange& exchange) {
      (void)gate.wait();
      exchange.close_after();
    });
  }
  launch(replaceable());
  User ann = live_user_on(alice_);
  HttpClient client(bonedry_->address());  // connected to the old process until it gives up
  client.send(Request{.target = "/long"}.to_wire());
  EXPECT_TRUE(
      eventually([this] { return node(alice_).exchanges_open + node(bob_).exchanges_open == 1; }));
  replace_program(kStays + "exec \"$REAL\" \"$@\"");
  bonedry_->upgrade();
  ASSERT_TRUE(is_left());
  bonedry_->kill9();  // the old process has no successor any more
  EXPECT_TRUE(bonedry_->predecessor_ends(kDeadline / 2))
      << "it waits for a line that somebody else holds open";
  gate.open();
  put_program_back();
  bonedry_->start();
  ann.go_to(bonedry_->address());
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
}

TEST_P(UpgradeTraceStory, AScriptThatEndsBesideItsBonedryHurriesNobody) {
  const Gate gate;
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/long", [gate](NodeExchange& exchange) {
      (void)gate.wait();
      exchange.respond(200, "at last");
    });
  }
  TestConfig shop = replaceable();
  shop.timeouts = {"shutdown = \"300ms\""};
  launch(shop);
  HttpClient client(bonedry_->address());
  client.send(Request{.target = "/long"}.to_wire());
  EXPECT_TRUE(
      eventually([this] { return node(alice_).exchanges_open + node(bob_).exchanges_open == 1; }));
  replace_program(
      "\"$REAL\" \"$@\" &\necho $! > \"$LEFT\"\n"
      "until [ -e \"$LEFT.go\" ]; do sleep 0.05; done");
  EXPECT_THAT(bonedry_->admin("upgrade", kDeadline * 3), HasSubstr("has taken over"));
  write_file(directory_ / "left.go", "");
  const std::string old = std::to_string(bonedry_->pid());
  EXPECT_TRUE(
      eventually([&] { return read_file("/proc/" + old + "/task/" + old + "/children").empty(); }));
  EXPECT_TRUE(is_left());
  EXPECT_FALSE(eventually([this] { return !bonedry_->running(); }, scaled(Millis{900})));
  gate.open();
  EXPECT_EQ(client.read_response().body, "at last");
  EXPECT_TRUE(eventually([this] { return !bonedry_->running(); }));
  bonedry_->stop();  // this checks the exit code
}

TEST_P(UpgradeTraceStory, UpgradesByAScriptGoOnLater) {
  launch(replaceable());
  replace_program("exec \"$REAL\" \"$@\"");
  for (int round = 0; round < 2; ++round) {
    bonedry_->upgrade();
    EXPECT_TRUE(bonedry_->predecessor_ends());
    EXPECT_EQ(User(bonedry_->address()).click().status, 200);
  }
}

}  // namespace
}  // namespace bonedry::test
