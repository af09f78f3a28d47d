#include "admin/command_table.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

namespace bonedry::admin {
namespace {

TEST(CommandTable, EveryRowExplainsItselfAndAllItsWords) {
  for (const Command& command : command_table()) {
    EXPECT_FALSE(command.name.empty());
    EXPECT_TRUE(command.help.ends_with('.')) << command.name << " has no help";
    for (const Positional& positional : command.positionals) {
      EXPECT_FALSE(positional.help.empty()) << command.name << " " << positional.name;
      EXPECT_FALSE(positional.noun.empty()) << command.name << " " << positional.name;
    }
    for (const Option& option : command.options) {
      EXPECT_FALSE(option.help.empty()) << command.name << " --" << option.name;
      EXPECT_EQ(option.kind == ValueKind::none, option.placeholder.empty()) << option.name;
    }
  }
}

TEST(CommandTable, NamesAndIdsAreUnique) {
  std::set<std::string_view> names;
  std::set<CommandId> ids;
  for (const Command& command : command_table()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_TRUE(ids.insert(command.id).second) << command.name;
  }
}

TEST(CommandTable, RequiredPositionalsComeFirst) {
  for (const Command& command : command_table()) {
    Presence last = Presence::required;
    for (const Positional& positional : command.positionals) {
      EXPECT_GE(positional.presence, last) << command.name;
      last = positional.presence;
    }
  }
}

TEST(CommandTable, HasTheCommandsOfTheContract) {
  std::string all;
  for (const Command& command : command_table()) all += syntax(command) + "\n";
  EXPECT_EQ(all,
            "status [POOL] [--width N]\n"
            "why NODE\n"
            "sessions NODE [--sort idle|age|exchanges] [--limit N] [--page K]\n"
            "bleed NODE [--deadline D] [--reason TEXT] [--force] [--local]\n"
            "wait NODE [--healthy] [--timeout D]\n"
            "maintain NODE [--force] [--local]\n"
            "activate NODE [--local]\n"
            "switch POOL GROUP [--deadline D] [--cut] [--reason TEXT] [--force] [--local]\n"
            "pass NODE [--ttl D] [--header] [--revoke]\n"
            "reload [--force]\n"
            "upgrade\n"
            "reopen\n"
            "events [--follow] [--since D] [--node NODE] [--after ID]\n"
            "roll POOL [--abandon]\n"
            "roll-hold POOL [--holder TOKEN] [--command TEXT] [--test TEXT] [--only NODE,NODE] "
            "[--deadline D] [--settle D] [--keep-going] [--resume]\n"
            "roll-step POOL NODE STEP [--holder TOKEN] [--failed TEXT]\n"
            "members\n"
            "member ACTION NAME [--ended]\n"
            "start-alone\n"
            "version\n"
            "help [COMMAND]\n");
}

TEST(CommandTable, FindsNearMisses) {
  EXPECT_EQ(nearest_command("bled")->name, "bleed");
  EXPECT_EQ(nearest_command("statsu")->name, "status");
  EXPECT_EQ(nearest_command("activte")->name, "activate");
  EXPECT_EQ(nearest_command("undo"), nullptr);
  EXPECT_EQ(nearest_command(""), nullptr);
  EXPECT_EQ(nearest_command(std::string(4096, 'x')), nullptr);
}

TEST(CommandTable, KnowsWhatOtherProxiesCallThem) {
  EXPECT_EQ(nearest_command("drain")->name, "bleed");
  EXPECT_EQ(unknown_command("drain"), "unknown command 'drain'; did you mean 'bleed'?");
}

TEST(CommandTable, FindsNearMissesOfOptions) {
  const Command& bleed = *find_command("bleed");
  EXPECT_EQ(meant_option(bleed, "--dedline"), "; did you mean '--deadline'?");
  EXPECT_EQ(meant_option(bleed, "--zebra"), "");
  EXPECT_EQ(meant_option(bleed, "-"), "");
  EXPECT_EQ(meant_option(*find_command("version"), "--force"), "");
}

TEST(Help, OverviewNamesEveryCommand) {
  const std::string overview = help_overview();
  const std::string unwrapped = std::regex_replace(overview, std::regex("\\s+"), " ");
  for (const Command& command : command_table()) {
    if (command.audience != Audience::people) continue;
    EXPECT_NE(overview.find("  " + std::string(command.name) + " "), std::string::npos);
    EXPECT_NE(unwrapped.find(command.help), std::string::npos) << command.name;
  }
}

TEST(Help, PageExplainsTheWords) {
  EXPECT_EQ(help_page(*find_command("wait")),
            "wait NODE [--healthy] [--timeout D]\n"
            "  Wait until a bleeding node is dry, or until a node is healthy.\n"
            "\n"
            "  NODE         POOL/NODE, or just NODE if the name is unique\n"
            "  --healthy    wait for health instead: 'rise' checks in a row that begin from\n"
            "               now on\n"
            "  --timeout D  stop waiting after this time; default: no limit\n");
  EXPECT_EQ(help_page(*find_command("version")),
            "version\n  Show the version of the running proxy.\n");
}

}  // namespace
}  // namespace bonedry::admin
