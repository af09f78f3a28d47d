// The transcripts in README.md and docs/: each command is run by the real programs, and the output
// must be that of the page, but for times, tokens and the like.
#include "tests/scenario/story.h"

#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

struct Step {
  std::string command;
  std::string output;
};

/// The commands and outputs of the block on this page that begins with `first`.
std::vector<Step> transcript(const std::string& page, const std::string& first) {
  std::vector<Step> steps;
  std::istringstream lines(read_file(std::string(BONEDRY_SOURCE_DIR "/") + page));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (!inside) {
      inside = line == "$ " + first;
      if (inside) steps.push_back({first, ""});
      continue;
    }
    if (line.starts_with("```")) break;
    if (line.starts_with("$ ")) {
      steps.push_back({line.substr(2), ""});
    } else {
      steps.back().output += line + "\n";
    }
  }
  if (steps.empty()) ADD_FAILURE() << page << " has no transcript of: " << first;
  return steps;
}

/// The text without what differs from run to run.
std::string without_incidentals(std::string text) {
  const auto replace = [&text](const char* pattern, const char* with) {
    text = std::regex_replace(text, std::regex(pattern, std::regex::multiline), with);
  };
  replace(R"(\d{4}-\d\d-\d\dT[\d:.]+Z)", "TIME");
  replace(R"([\w-]{48})", "TOKEN");
  replace(R"((127\.0\.0\.1|0\.0\.0\.0):\d+)", "ADDRESS");
  replace(R"(process \d+)", "process N");
  replace(R"(\d+(\.\d+)? requests/s, )", "");
  replace(R"(\d+ client connections?)", "N client connections");
  replace(R"(since the start \d+ requests?)", "since the start N requests");
  replace(R"(\b(\d+(\.\d+)?(ms|s|m|h|d))+\b)", "D");
  replace(R"(^\S+: \d+ live, .*\n)", "");  // progress: how often depends on the machine
  replace(R"(^  no forecast: .*\n)", "");  // comes when the first has been tried
  replace(R"( +)", " ");                   // the columns of a table
  return text;
}

/// A pool of alice and bob. Users are gone 2 s after their last click.
class TranscriptStory : public ShopStory {
 protected:
  void launch_shop(const std::vector<std::string>& alice = {},
                   const std::vector<std::string>& bob = {}) {
    launch(shop(workers(), {{alice_, alice}, {bob_, bob}}, {"idle_timeout = \"2s\""}));
  }

  /// A user who clicks twice, while alice is the only node for new users.
  void a_user_on_alice() {
    User user{bonedry_->address()};
    user.click();
    user.click();
    EXPECT_EQ(user.node(), "alice");
    EXPECT_TRUE(eventually_idle());
  }

  void expect_as_told(const std::string& page, const std::string& first) const {
    const std::string programs = std::filesystem::path(bonedryctl_program()).parent_path();
    const std::vector<std::string> environment{"PATH=" + programs + ":/usr/bin:/bin",
                                               "BONEDRY_SOCKET=" + bonedry_->socket_path()};
    for (const Step& step : transcript(page, first)) {
      const std::string script = "exec 2>&1; cd " + (directory_ / "") + "; " + step.command;
      const RunResult run = run_program({"/bin/sh", "-c", script}, environment, kDeadline * 3);
      EXPECT_EQ(without_incidentals(run.out), without_incidentals(step.output))
          << page << ": " << step.command << "\n"
          << run.out;
    }
  }

  TempDir directory_;  // where the commands run
};

INSTANTIATE_TEST_SUITE_P(Workers, TranscriptStory, testing::Values(1U), name_of_workers);

TEST_P(TranscriptStory, OfAFirstBleed) {
  launch_shop();
  order("bleed bob");
  a_user_on_alice();
  order("activate bob");
  expect_as_told("README.md", "bonedryctl bleed alice --reason \"update 4.2\"");
}

TEST_P(TranscriptStory, OfAPass) {
  launch_shop();
  expect_as_told("docs/passes.md", "bonedryctl pass alice --ttl 10m");
}

TEST_P(TranscriptStory, OfASwitch) {
  launch_shop({"group = \"blue\""}, {"group = \"green\""});
  order("switch shop blue");
  EXPECT_TRUE(eventually_dry(bob_));
  a_user_on_alice();
  expect_as_told("docs/groups.md", "bonedryctl switch shop green --wait");
}

TEST_P(TranscriptStory, OfAReload) {
  launch_shop();
  expect_as_told("docs/config.md", "bonedryctl reload");
  bonedry_->configure(
      shop(workers(), {{alice_, {}}, {bob_, {"weight = 0"}}}, {"idle_timeout = \"2s\""}));
  expect_as_told("docs/config.md", "bonedryctl reload  # bob has weight 0 now");
}

TEST_P(TranscriptStory, OfARoll) {
  launch_shop();
  order("bleed bob");
  a_user_on_alice();
  order("activate bob");
  const std::string deploy = directory_ / "deploy";
  write_file(deploy, "#!/bin/sh\necho \"deploying to $BONEDRY_NODE\"\n");
  std::filesystem::permissions(deploy, std::filesystem::perms::owner_all);
  expect_as_told("docs/roll.md", "bonedryctl roll shop -- ./deploy");
}

}  // namespace
}  // namespace bonedry::test
