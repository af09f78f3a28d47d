// `bonedryctl watch` on a terminal of its own: what its screen shows, and how it ends.
#include "proxy/base/unique_fd.h"
#include "tests/scenario/story.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kTmux = "/usr/bin/tmux";

/// A shell on a terminal that tmux makes.
class TmuxTerminal {
 public:
  explicit TmuxTerminal(const std::string& socket, const std::string& locale = "C.UTF-8")
      : locale_("LC_ALL=" + locale), socket_("BONEDRY_SOCKET=" + socket) {
    const std::string programs = bonedryctl_program().substr(0, bonedryctl_program().rfind('/'));
    (void)tmux({"new-session", "-d", "-x", "80", "-y", "24",
                "env " + locale_ + " PATH=" + programs + ":/usr/bin:/bin PS1='$ ' sh"});
    (void)tmux({"set-option", "-g", "remain-on-exit", "on"});
    EXPECT_TRUE(shows("$"));
  }
  ~TmuxTerminal() { (void)tmux({"kill-server"}); }
  TmuxTerminal(const TmuxTerminal&) = delete;
  TmuxTerminal& operator=(const TmuxTerminal&) = delete;

  void run(const std::string& command) const {
    type(command);
    press("Enter");
  }
  void type(const std::string& text) const { (void)tmux({"send-keys", "-l", text}); }
  void press(const std::string& key) const { (void)tmux({"send-keys", key}); }
  void resize(int columns, int rows) const {
    (void)tmux({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(rows)});
  }
  [[nodiscard]] std::string screen() const { return tmux({"capture-pane", "-p"}).out; }
  [[nodiscard]] bool shows(const std::string& text) const {
    return eventually([&] { return screen().find(text) != std::string::npos; }, kDeadline * 2);
  }
  /// A line that has all of these.
  [[nodiscard]] bool shows_line(const std::vector<std::string>& words) const {
    return eventually([&] { return !line_with(words).empty(); }, kDeadline * 2);
  }
  [[nodiscard]] std::string line_with(const std::vector<std::string>& words) const {
    std::istringstream lines(screen());
    for (std::string line; std::getline(lines, line);) {
      const auto has = [&line](const std::string& word) {
        return line.find(word) != std::string::npos;
      };
      if (std::ranges::all_of(words, has)) return line;
    }
    return "";
  }
  /// Whether `watch` ends and leaves a usable terminal. What is typed while it still ends, which
  /// may take long with a sanitizer, would be read in its mode of the terminal.
  [[nodiscard]] bool is_left_usable() const {
    return eventually([this] { return pid_of_watch() == 0; }, kDeadline * 2) && is_usable();
  }
  /// Whether the shell is back, and shows and ends lines as before.
  [[nodiscard]] bool is_usable() const {
    run("clear");
    run("echo us'able'; stty -a | tr ' ;' '\\n\\n' | grep -cx 'icanon\\|echo\\|icrnl'");
    return shows("\nusable\n3\n");
  }
  /// Whether it takes no output (Ctrl-S).
  [[nodiscard]] bool is_stopped() const {
    std::string path = tmux({"display-message", "-p", "#{pane_tty}"}).out;
    path.erase(path.find_last_not_of('\n') + 1);
    const UniqueFd tty{::open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
    pollfd output{tty.get(), POLLOUT, 0};
    return ::poll(&output, 1, 0) == 0;
  }
  /// The only child of the shell; 0: it has none.
  [[nodiscard]] pid_t pid_of_watch() const {
    const std::string shell = shell_pid();
    return static_cast<pid_t>(
        std::atoi(read_file("/proc/" + shell + "/task/" + shell + "/children").c_str()));
  }

 private:
  [[nodiscard]] std::string shell_pid() const {
    std::string pid = tmux({"display-message", "-p", "#{pane_pid}"}).out;
    pid.erase(pid.find_last_not_of('\n') + 1);
    return pid;
  }
  [[nodiscard]] RunResult tmux(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all{kTmux, "-u", "-f", "/dev/null", "-S", files_ / "tmux"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program(all, {"LC_ALL=C.UTF-8", "TERM=screen", socket_});
  }

  TempDir files_;
  std::string locale_;
  std::string socket_;
};

class WatchStory : public ShopStory {
 protected:
  void SetUp() override {
    if (::access(kTmux, X_OK) != 0) GTEST_SKIP() << kTmux << " is not installed";
    launch(config({R"(logout = [ { method = "GET", path = "/logout" } ])"}));
    users_ = live_users_on_alice(2);
  }
  [[nodiscard]] std::string socket() const { return bonedry_->socket_path(); }
  void everybody_leaves() {
    for (User& user : users_) user.click("/logout");
  }

  std::vector<User> users_;
};

INSTANTIATE_TEST_SUITE_P(Workers, WatchStory, testing::Values(1U), name_of_workers);

TEST_P(WatchStory, ANodeIsBledToDrynessAndActivatedByKeys) {
  const TmuxTerminal terminal(socket());
  terminal.run("bonedryctl watch");
  ASSERT_TRUE(terminal.shows_line({"> alice", "  active"}));
  terminal.type("b");
  ASSERT_TRUE(terminal.shows("Reason"));
  terminal.type("update 4.2");
  terminal.press("Enter");
  ASSERT_TRUE(terminal.shows("Move the users who are left after"));
  terminal.press("Enter");
  ASSERT_TRUE(terminal.shows("Its 2 users stay until they leave."));
  EXPECT_EQ(node(alice_).state, "active") << "nothing happens before the yes";
  terminal.type("y");
  ASSERT_TRUE(terminal.shows_line({"> alice", "▼ bleeding", "no", " 2 ", "█"}));
  EXPECT_TRUE(terminal.shows("reason: update 4.2"));
  EXPECT_TRUE(terminal.shows("not dry: 2 live sessions"));
  EXPECT_TRUE(terminal.shows("Z shop/alice bleed: bleeding by "));
  EXPECT_EQ(node(alice_).bleeding.at("reason"), "update 4.2");
  terminal.type("s");
  EXPECT_TRUE(terminal.shows("SESSION"));
  terminal.type("q");
  everybody_leaves();
  EXPECT_TRUE(terminal.shows("shop/alice is bone dry: it can be updated now"));
  EXPECT_TRUE(terminal.shows_line({"> alice", "DRY", "▁"}));
  terminal.type("m");
  ASSERT_TRUE(terminal.shows("It is dry"));
  terminal.type("y");
  EXPECT_TRUE(terminal.shows_line({"> alice", "■ maintenance"}));
  terminal.type("a");
  ASSERT_TRUE(terminal.shows("Activate shop/alice?"));
  terminal.type("y");
  EXPECT_TRUE(terminal.shows_line({"> alice", "  active"}));
  terminal.type("q");
  EXPECT_TRUE(terminal.is_left_usable());
}

TEST_P(WatchStory, ARefusalIsForcedOnlyAfterAnotherConfirmation) {
  order("bleed bob");
  const TmuxTerminal terminal(socket());
  terminal.run("bonedryctl watch shop");
  ASSERT_TRUE(terminal.shows("> alice"));
  terminal.type("b");
  terminal.press("Enter");
  terminal.press("Enter");
  ASSERT_TRUE(terminal.shows("y yes"));
  terminal.type("y");
  ASSERT_TRUE(terminal.shows("bonedry refuses: "));
  EXPECT_EQ(node(alice_).state, "active");
  terminal.type("f");
  ASSERT_TRUE(terminal.shows("y yes, force it"));
  EXPECT_EQ(node(alice_).state, "active");
  terminal.type("y");
  EXPECT_TRUE(terminal.shows_line({"> alice", "▼ bleeding"}));
  EXPECT_TRUE(terminal.shows("no node takes new users"));
}

TEST_P(WatchStory, FollowsTheSizeOfTheTerminal) {
  const TmuxTerminal terminal(socket());
  terminal.run("bonedryctl watch");
  ASSERT_TRUE(terminal.shows_line({"NODE", "OPEN"}));
  EXPECT_EQ(terminal.line_with({"REQ/S"}), "");
  terminal.resize(120, 30);
  EXPECT_TRUE(terminal.shows_line({"NODE", "OPEN", "REQ/S"}));
  terminal.resize(40, 10);
  EXPECT_TRUE(eventually([&] { return terminal.line_with({"OPEN"}).empty(); }));
  EXPECT_TRUE(terminal.shows_line({"> alice", "active"}));
  terminal.resize(3, 2);
  terminal.type("jb");
  terminal.press("Escape");
  terminal.resize(80, 24);
  EXPECT_TRUE(terminal.shows_line({"> bob", "active"}));
  EXPECT_TRUE(terminal.shows("q quit"));
}

TEST_P(WatchStory, ItsEndLeavesAUsableTerminal) {
  const TmuxTerminal terminal(socket());
  for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) {
    terminal.run("bonedryctl watch");
    ASSERT_TRUE(terminal.shows("q quit"));
    const pid_t watch = terminal.pid_of_watch();
    ASSERT_GT(watch, 0);
    ::kill(watch, number);
    EXPECT_TRUE(terminal.is_left_usable()) << number;
    EXPECT_THAT(terminal.screen(), Not(HasSubstr("q quit")));
  }
  terminal.run("bonedryctl watch; echo \"code $?\"");
  ASSERT_TRUE(terminal.shows("q quit"));
  terminal.press("C-c");
  EXPECT_TRUE(terminal.shows("code 130"));
  terminal.run("bonedryctl watch; echo \"code $?\"");
  ASSERT_TRUE(terminal.shows("q quit"));
  terminal.type("q");
  EXPECT_TRUE(terminal.shows("code 0"));
}

TEST_P(WatchStory, ItEndsWhileTheTerminalTakesNoOutput) {
  const TmuxTerminal terminal(socket());
  terminal.run("bonedryctl watch");
  ASSERT_TRUE(terminal.shows("q quit"));
  const pid_t watch = terminal.pid_of_watch();
  ASSERT_GT(watch, 0);
  terminal.press("C-s");
  ASSERT_TRUE(eventually([&] { return terminal.is_stopped(); }));
  order("bleed alice");
  ::kill(watch, SIGTERM);
  EXPECT_TRUE(eventually([watch] { return ::kill(watch, 0) != 0; }));
  EXPECT_TRUE(terminal.is_left_usable());
}

TEST_P(WatchStory, CanBePutAside) {
  const TmuxTerminal terminal(socket());
  terminal.run("bonedryctl watch");
  ASSERT_TRUE(terminal.shows("q quit"));
  terminal.press("C-z");
  EXPECT_TRUE(terminal.shows("Stopped"));
  EXPECT_TRUE(terminal.is_usable());
  order("bleed alice");
  terminal.run("fg");
  EXPECT_TRUE(terminal.shows_line({"> alice", "▼ bleeding"}));
  EXPECT_THAT(terminal.screen(), StartsWith("bonedry watch "));
  terminal.type("?");
  EXPECT_TRUE(terminal.shows("put the node in maintenance")) << "keys work as before";
}

TEST_P(WatchStory, GoesOnWhenTheProxyIsBack) {
  order("bleed alice");
  const TmuxTerminal terminal(socket());
  terminal.run("bonedryctl watch");
  ASSERT_TRUE(terminal.shows_line({"> alice", "▼ bleeding"}));
  bonedry_->stop();
  ASSERT_TRUE(terminal.shows("! figures are "));
  EXPECT_TRUE(terminal.shows_line({"> alice", "▼ bleeding"})) << "the last figures stay";
  terminal.type("j");
  EXPECT_TRUE(terminal.shows("> bob")) << "keys work";
  bonedry_->start();
  EXPECT_TRUE(terminal.shows("bonedry watch "));
  order("activate alice");
  EXPECT_TRUE(terminal.shows_line({"alice", "  active"}));
  bonedry_->upgrade();
  order("bleed bob");
  EXPECT_TRUE(terminal.shows_line({"> bob", "▼ bleeding"}));
  EXPECT_TRUE(terminal.shows("Z shop/bob bleed: ")) << "events of the new process";
}

TEST_P(WatchStory, WithoutUtf8TheScreenIsAscii) {
  order("bleed alice");
  const TmuxTerminal terminal(socket(), "C");
  terminal.run("bonedryctl watch");
  EXPECT_TRUE(terminal.shows_line({"> alice", "v bleeding", "#"}));
  EXPECT_THAT(terminal.screen(), HasSubstr("-- shop/alice ---"));
}

TEST_P(WatchStory, WithoutATerminalItIsTheTableOfStatus) {
  const RunResult piped = ctl().run({"watch"});
  EXPECT_EQ(piped.code, 0);
  EXPECT_EQ(piped.err, "");
  EXPECT_THAT(piped.out, StartsWith("NODE        ADDRESS"));
  EXPECT_THAT(ctl().run({"watch", "shop", "--json"}).out, StartsWith("{\"pools\":["));
  EXPECT_EQ(ctl().code({"watch", "nosuchpool"}), 1);
  EXPECT_EQ(ctl().code({"watch", "a", "b"}), 2);
  EXPECT_EQ(Ctl{"/nowhere"}.code({"watch"}), 5);
  EXPECT_THAT(ctl().run({"help", "watch"}).out, HasSubstr("Without a terminal"));
  const TmuxTerminal terminal(socket());
  terminal.run("clear; TERM=unheard-of bonedryctl watch; echo \"code $?\"");
  EXPECT_TRUE(terminal.shows("code 0"));
  EXPECT_THAT(terminal.screen(), HasSubstr("shop/alice"));
  terminal.run("clear; TERM=dumb bonedryctl watch; echo \"code $?\"");
  EXPECT_TRUE(terminal.shows("code 0"));
}

/// The screen in docs/watch.md.
std::string documented_screen() {
  const std::string page = read_file(BONEDRY_SOURCE_DIR "/docs/watch.md");
  const std::size_t begin = page.find("```\nbonedry watch ");
  const std::size_t end = page.find("\n```", begin + 4);
  if (begin == std::string::npos || end == std::string::npos) return "";
  return page.substr(begin + 4, end - begin - 4);
}

/// A screen without its events and without what differs from run to run.
std::string comparable(std::string screen) {
  screen.erase(std::min(screen.find("── events"), screen.size()));
  const auto replace = [&screen](const char* pattern, const char* with) {
    screen = std::regex_replace(screen, std::regex(pattern, std::regex::multiline), with);
  };
  replace("(▁|▂|▃|▄|▅|▆|▇|█)+ +\\S+", "CURVE FORECAST");
  replace(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)", "TIME");
  replace(R"(\b(\d+(ms|s|m|h|d))+\b)", "D");
  replace(R"(\d+(\.\d+)?)", "N");
  replace("^(dry in .*|no forecast yet)$", "FORECAST");
  replace(R"(\b(session|exchange|WebSocket)s?\b)", "$1s");
  replace("by [^,]+,", "by SOMEBODY,");
  replace("(not dry: N live sessions), N pending sessions", "$1");
  replace(" +", " ");
  return screen;
}

TEST_P(WatchStory, TheScreenInTheDocsIsTrue) {
  TestConfig checked = config();
  checked.pools.front().health = {{"interval = \"200ms\""}};
  launch(std::move(checked));
  User on_bob = live_user_on(bob_);
  users_ = live_users_on_alice(3);
  order("bleed alice --reason \"update 4.2\"");
  ASSERT_TRUE(
      eventually([this] { return node(alice_).health == "up" && node(bob_).health == "up"; }));
  const TmuxTerminal terminal(socket());
  terminal.run("bonedryctl watch");
  ASSERT_TRUE(terminal.shows_line({"> alice", "▼ bleeding", "up", "█"}));
  const std::string expected = comparable(documented_screen());
  // The rate of requests is not known in the first second.
  EXPECT_TRUE(eventually([&] { return comparable(terminal.screen()) == expected; }))
      << comparable(terminal.screen()) << "is not\n"
      << expected;
  EXPECT_THAT(documented_screen(), testing::EndsWith(terminal.line_with({"q quit"})));
}

}  // namespace
}  // namespace bonedry::test
