// The machine-readable error code of a command that failed.

#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

namespace bonedry::admin::test {
namespace {

class CommandErrorTest : public ControlTest {
 protected:
  /// The code of the error that the command ends with; "" if it was carried out.
  std::string code_of(const std::function<void(const ChangeCallback&)>& command) {
    std::string code = "no answer";
    command([&code](const Result<ChangeResult, CommandError>& result) {
      code = result ? "" : to_string(result.error().code);
    });
    publisher.acknowledge();
    return code;
  }
  std::string bleed_code(const balancer::NodeId& id) {
    return code_of([&](const ChangeCallback& answer) { control->bleed(id, {}, answer); });
  }
  std::string maintain_code(const balancer::NodeId& id) {
    return code_of(
        [&](const ChangeCallback& answer) { control->maintain(id, Force::no, {"root"}, answer); });
  }
  std::string activate_code(const balancer::NodeId& id) {
    return code_of([&](const ChangeCallback& answer) { control->activate(id, {"root"}, answer); });
  }
  std::string reload_code() {
    return code_of(
        [&](const ChangeCallback& answer) { control->reload(Force::no, "root", answer); });
  }
};

TEST_F(CommandErrorTest, OfWhatIsCarriedOutThereIsNone) {
  EXPECT_EQ(bleed_code("shop/alice"_node), "");
  EXPECT_EQ(activate_code("shop/alice"_node), "");
  EXPECT_EQ(reload_code(), "");
}

TEST_F(CommandErrorTest, TheGuardRefuses) {
  bleed("shop/alice");
  bleed("shop/bob");
  EXPECT_EQ(bleed_code("shop/carol"_node), "guard_refused");
}

TEST_F(CommandErrorTest, ANodeThatIsNotDryIsNotReady) {
  EXPECT_EQ(maintain_code("shop/alice"_node), "not_ready");
}

TEST_F(CommandErrorTest, ADryNodeThatThePoolNeedsIsTheGuards) {
  bleed("shop/alice");
  settle();
  force_bleed("shop/bob");
  force_bleed("shop/carol");
  EXPECT_EQ(maintain_code("shop/alice"_node), "guard_refused");
}

TEST_F(CommandErrorTest, TheConfigSaysOtherwise) {
  shop().nodes.front().weight = 0;
  start();
  EXPECT_EQ(activate_code("shop/alice"_node), "conflict");
}

TEST_F(CommandErrorTest, AConfigThatCannotBeTaken) {
  load_error = "line 7";
  EXPECT_EQ(reload_code(), "invalid");
  load_error.clear();
  config.ledger.sessions += 1;
  EXPECT_EQ(reload_code(), "needs_restart");
}

TEST_F(CommandErrorTest, ADiskThatRefuses) {
  break_disk();
  EXPECT_EQ(bleed_code("shop/alice"_node), "storage_failed");
  EXPECT_EQ(reload_code(), "storage_failed");
}

TEST_F(CommandErrorTest, AnotherProcessDecides) {
  control->begin_standby();
  EXPECT_EQ(bleed_code("shop/alice"_node), "unavailable");
  EXPECT_EQ(code_of([this](const ChangeCallback& answer) { control->upgrade("root", answer); }),
            "unavailable");
}

TEST_F(CommandErrorTest, AWorkerThatDoesNotAcknowledge) {
  std::optional<ErrorCode> code;
  control->bleed("shop/alice"_node, {}, [&code](const Result<ChangeResult, CommandError>& result) {
    if (!result) code = result.error().code;
  });
  pass_unacknowledged(seconds{6});
  EXPECT_EQ(code, ErrorCode::unacknowledged);
}

TEST_F(CommandErrorTest, NamesOfNodesAndPools) {
  EXPECT_EQ(control->resolve_node("nobody").error().code, ErrorCode::not_found);
  EXPECT_EQ(control->status("nowhere").error().code, ErrorCode::not_found);
  conf::Pool blog = shop();
  blog.name = "blog";
  config.pools.push_back(blog);
  start();
  EXPECT_EQ(control->resolve_node("alice").error().code, ErrorCode::ambiguous);
}

}  // namespace
}  // namespace bonedry::admin::test
