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
  EXPECT_EQ(to_text(ReloadResult{"root"}), "reloaded by root");
  EXPECT_EQ(to_text(ReloadResult{"root", 2}),
            "reloaded by root; 2 nodes no longer in the config will bleed until dry");
  EXPECT_EQ(to_text(UpgradeResult{4711}), "process 4711 has taken over");
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
