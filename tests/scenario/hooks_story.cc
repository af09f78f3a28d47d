// Commands that run when something happens ([hooks]).
#include "tests/scenario/story.h"

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class HooksStory : public ShopStory {
 protected:
  /// A script for the shell, in a file of its own.
  [[nodiscard]] std::string script(const std::string& name, const std::string& text) const {
    const std::string path = files_ / name;
    write_file(path, "#!/bin/sh\n" + text + "\n");
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }
  /// A script that adds the line "EVENT NODE" to a file.
  [[nodiscard]] std::string note() const {
    return script("note", "echo $BONEDRY_EVENT $BONEDRY_NODE >> " + noted_path());
  }
  [[nodiscard]] std::string noted_path() const { return files_ / "noted"; }
  [[nodiscard]] bool eventually_noted(const std::string& text) const {
    return eventually([&] { return read_file(noted_path()) == text; });
  }
  [[nodiscard]] TestConfig with_hooks(std::vector<std::string> hooks) const {
    TestConfig made = config();
    made.sections = {"[hooks]"};
    made.sections.insert(made.sections.end(), hooks.begin(), hooks.end());
    return made;
  }
  static std::string hook(const std::string& event, const std::string& program) {
    return event + " = [\"" + program + "\", \"an argument\"]";
  }
  /// Whether a process has ended that a hook has written the number of into this file.
  [[nodiscard]] static bool eventually_gone(const std::string& path) {
    return eventually([&] {
      const std::string text = read_file(path);
      return !text.empty() &&
             (::kill(std::stoi(text), 0) != 0 ||
              read_file("/proc/" + text.substr(0, text.find('\n')) + "/stat").find(") Z ") !=
                  std::string::npos);
    });
  }

  TempDir files_;
};

INSTANTIATE_TEST_SUITE_P(Workers, HooksStory, worker_counts(), name_of_workers);

TEST_P(HooksStory, OneGetsTheFacts) {
  const std::string facts = files_ / "facts";
  const std::string program = script(
      "dry", "{ echo \"$1\"; env; cat; } > " + facts + ".new; mv " + facts + ".new " + facts);
  TestConfig made = with_hooks({hook("dry", program)});
  made.environment = {"BONEDRY_TEST_SECRET=secret"};
  launch(made);
  order("bleed alice --reason \"update 4.2\"");
  ASSERT_TRUE(eventually([&] { return !read_file(facts).empty(); }));
  const std::string text = read_file(facts);
  EXPECT_THAT(text, testing::StartsWith("an argument\n"));
  for (const std::string line :
       {"BONEDRY_EVENT=dry", "BONEDRY_POOL=shop", "BONEDRY_NODE=alice", "BONEDRY_BY=",
        "BONEDRY_REASON=", "BONEDRY_TEXT=bone dry: no users are left and none will come back"}) {
    EXPECT_THAT(text, HasSubstr("\n" + line + "\n"));
  }
  EXPECT_THAT(text, HasSubstr("\nBONEDRY_ADDRESS=" + alice_.address() + "\n"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  const auto event = nlohmann::json::parse(text.substr(text.find('{')));
  EXPECT_EQ(event.at("kind"), "dry");
  EXPECT_EQ(event.at("node"), "shop/alice");
  EXPECT_THAT(text, HasSubstr("BONEDRY_TIME=" + event.at("at").get<std::string>() + "\n"));
}

TEST_P(HooksStory, EachEventHasItsOwn) {
  const std::string program = note();
  TestConfig made =
      with_hooks({hook("bleed", program), hook("dry", program), hook("activate", program),
                  hook("down", program), hook("up", program)});
  made.pools[0].health = {"path = \"/healthz\"", "interval = \"50ms\"", "fall = 1", "rise = 1"};
  launch(made);
  order("bleed alice");
  ASSERT_TRUE(eventually_noted("bleed alice\ndry alice\n"));
  order("activate alice");
  ASSERT_TRUE(eventually_noted("bleed alice\ndry alice\nactivate alice\n"));
  alice_.on("/healthz", answering("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"));
  ASSERT_TRUE(eventually_noted("bleed alice\ndry alice\nactivate alice\ndown alice\n"));
  alice_.on("/healthz", answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  ASSERT_TRUE(eventually_noted("bleed alice\ndry alice\nactivate alice\ndown alice\nup alice\n"));
}

TEST_P(HooksStory, OneThatHangsIsEndedAndBlocksNothing) {
  const std::string pid = files_ / "pid";
  launch(with_hooks({"timeout = \"1s\"",
                     hook("bleed", script("hang", "echo $$ > " + pid + "; exec sleep 1000")),
                     hook("activate", note())}));
  order("bleed alice");
  ASSERT_TRUE(eventually([&] { return !read_file(pid).empty(); }));
  EXPECT_EQ(User(bonedry_->address()).click().status, 200);
  order("activate alice");
  EXPECT_TRUE(eventually_noted("activate alice\n"));
  EXPECT_TRUE(bonedry_->says("hook bleed shop/alice: time-out"));
  EXPECT_TRUE(eventually_gone(pid));
}

TEST_P(HooksStory, OneThatWritesWithoutEndBlocksNothing) {
  launch(with_hooks({"timeout = \"1s\"", hook("bleed", script("yes", "exec yes"))}));
  order("bleed alice");
  EXPECT_TRUE(bonedry_->says("hook bleed shop/alice: more than 50 lines of output"));
  EXPECT_EQ(User(bonedry_->address()).click().status, 200);
  order("activate alice");
  EXPECT_TRUE(bonedry_->says("hook bleed shop/alice: time-out"));
  EXPECT_LT(bonedry_->err().size(), 20'000U);
}

TEST_P(HooksStory, AnUpgradeRunsEachOnce) {
  const std::string program = note();
  launch(with_hooks({hook("bleed", program), hook("dry", program), hook("activate", program)}));
  order("bleed alice");
  ASSERT_TRUE(eventually_noted("bleed alice\ndry alice\n"));
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_ends());
  order("activate alice");
  EXPECT_TRUE(eventually_noted("bleed alice\ndry alice\nactivate alice\n"));
}

TEST_P(HooksStory, AnUpgradeEndsNoneThatRuns) {
  const std::string go = files_ / "go";
  const std::string program =
      script("slow", "echo begun >> " + noted_path() + "; while ! [ -e " + go +
                         " ]; do sleep 0.05; done; echo done >> " + noted_path());
  launch(with_hooks({hook("bleed", program)}));
  order("bleed alice");
  ASSERT_TRUE(eventually_noted("begun\n"));
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_drains());
  EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("hooks that run"));
  write_file(go, "");
  EXPECT_TRUE(eventually_noted("begun\ndone\n"));
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

TEST_P(HooksStory, AStopEndsThemSoon) {
  const std::string pid = files_ / "pid";
  launch(with_hooks({hook("bleed", script("hang", "trap '' TERM; echo $$ > " + pid +
                                                      "; while :; do sleep 0.1; done"))}));
  order("bleed alice");
  ASSERT_TRUE(eventually([&] { return !read_file(pid).empty(); }));
  bonedry_->stop();
  EXPECT_TRUE(eventually_gone(pid));
}

TEST_P(HooksStory, AReloadBringsOthers) {
  launch(config());
  order("bleed alice");
  bonedry_->configure(with_hooks({hook("activate", note())}));
  order("reload");
  order("activate alice");
  EXPECT_TRUE(eventually_noted("activate alice\n"));
}

TEST_P(HooksStory, AProgramThatIsAbsentIsFoundByCheckAndStopsNoStart) {
  launch(with_hooks({hook("bleed", "/nowhere/notify")}));
  EXPECT_TRUE(bonedry_->says("hooks.bleed: cannot run /nowhere/notify: No such file or directory"));
  const RunResult check =
      run_program({bonedry_program(), "--check", "--config", bonedry_->config_path()});
  EXPECT_EQ(check.code, 1);
  EXPECT_THAT(check.err, HasSubstr("hooks.bleed: cannot run /nowhere/notify: No such file"));
  order("bleed alice");
  EXPECT_TRUE(bonedry_->says("hook bleed shop/alice: cannot run /nowhere/notify"));
}

}  // namespace
}  // namespace bonedry::test
