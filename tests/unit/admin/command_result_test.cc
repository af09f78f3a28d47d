#include "admin/command_result.h"

#include "admin/render_json.h"
#include "admin/render_text.h"

#include <gtest/gtest.h>

#include <chrono>

namespace bonedry::admin {
namespace {

const balancer::NodeId kAlice{"shop", "alice"};

TEST(CommandResult, OfABleed) {
  BleedResult result{kAlice, Already::no, std::chrono::minutes{30}, 4, 1};
  EXPECT_EQ(to_text(result),
            "shop/alice is bleeding, deadline in 30m: 4 live and 1 pending sessions");
  result.already = Already::yes;
  result.deadline.reset();
  result.guard_refusal = "without alice";
  EXPECT_EQ(to_text(result),
            "shop/alice is still bleeding: 4 live and 1 pending sessions [forced: without alice]");
}

TEST(CommandResult, OfMaintenanceAndActivation) {
  EXPECT_EQ(to_text(MaintainResult{kAlice}), "shop/alice is in maintenance");
  EXPECT_EQ(to_text(MaintainResult{kAlice, Already::yes}), "shop/alice is in maintenance already");
  EXPECT_EQ(to_text(ActivateResult{kAlice}), "shop/alice is active");
  EXPECT_EQ(to_text(ActivateResult{kAlice, Already::yes}), "shop/alice is active already");
}

TEST(CommandResult, OfAReloadAndAnUpgrade) {
  EXPECT_EQ(to_text(ReloadResult{"root", {}}), "reloaded by root: nothing has changed");
  EXPECT_EQ(to_text(ReloadResult{"root", {"pool blog removed", "[limits] changed"}}),
            "reloaded by root: pool blog removed; [limits] changed");
  const std::vector<std::string> many(22, "more");
  EXPECT_TRUE(to_text(ReloadResult{"root", many}).ends_with("; more; and 2 more changes"));
  EXPECT_EQ(to_text(UpgradeResult{4711}), "process 4711 has taken over");
}

TEST(CommandResult, OfASwitch) {
  SwitchResult result{"shop", "green", {}, {}, {}, {}, {}};
  EXPECT_EQ(to_text(result),
            "new users of pool shop go to group green; no node is in another group");
  result.bled.push_back({kAlice, Already::no, {}, 3, 1});
  EXPECT_EQ(to_text(result),
            "new users of pool shop go to group green; shop/alice bleeds: 3 live and 1 pending "
            "sessions");
  result.deadline = std::chrono::minutes{5};
  EXPECT_EQ(to_text(result),
            "new users of pool shop go to group green; shop/alice bleeds, deadline in 5m: 3 live "
            "and 1 pending sessions");
  result.cut = 4;
  EXPECT_EQ(to_text(result),
            "new users of pool shop go to group green; shop/alice bleeds: 4 sessions are moved, "
            "each at its next request");
  EXPECT_EQ(render_json(ChangeResult(result)),
            R"({"ok":true,"message":")" + to_text(result) +
                R"(","pool":"shop","group":"green","activated":[],"bleeding":[{"node":)"
                R"("shop/alice","live":3,"pending":1}],"cut":4})"
                "\n");
}

TEST(CommandResult, OfReopeningTheAccessLog) {
  EXPECT_EQ(to_text(ReopenResult{"/var/log/bonedry/access.log"}),
            "reopened the access log, /var/log/bonedry/access.log");
  EXPECT_EQ(to_text(ReopenResult{"syslog"}), "reopened the access log, syslog");
  EXPECT_EQ(to_text(ReopenResult{"stdout"}),
            "nothing to reopen: the access log is standard output");
  EXPECT_EQ(to_text(ReopenResult{"off"}), "nothing to reopen: the access log is off");
}

TEST(CommandResult, TextAndJsonSayTheSame) {
  const ChangeResult result = ActivateResult{kAlice};
  EXPECT_EQ(render_text(result), "shop/alice is active\n");
  EXPECT_EQ(render_json(result), "{\"ok\":true,\"message\":\"shop/alice is active\"}\n");
}

TEST(CommandResult, AnErrorHasACodeBesideItsText) {
  const CommandError error{ErrorCode::not_found, "unknown node 'x'"};
  EXPECT_EQ(render_text(error), "error: unknown node 'x'\n");
  EXPECT_EQ(render_json(error),
            "{\"ok\":false,\"code\":\"not_found\",\"message\":\"unknown node 'x'\"}\n");
}

}  // namespace
}  // namespace bonedry::admin
