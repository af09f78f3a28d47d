// The ledger has room for a limited number of node names; a config that needs more is rejected as a
// whole.

#include "session/ledger_layout.h"
#include "tests/unit/control/control_rig.h"

#include <gmock/gmock.h>

namespace bonedry::admin::test {
namespace {

using testing::HasSubstr;

class NamesTest : public ControlTest {
 protected:
  static constexpr std::size_t kMax = session::layout::kMaxSlots;

  /// The shop has only these nodes: "<prefix>0", "<prefix>1", …
  void name_nodes(const std::string& prefix, std::size_t count) {
    shop().nodes.clear();
    for (std::size_t i = 0; i < count; ++i)
      shop().nodes.push_back(node(prefix + std::to_string(i)));
  }
  [[nodiscard]] std::size_t nodes() const {
    return control->topology()->find_pool("shop")->nodes.size();
  }
};

TEST_F(NamesTest, AReloadThatNeedsTooManyIsRefusedAndChangesNothing) {
  const conf::Config before = config;
  add_user("shop/alice", 1);
  shop().session.idle_timeout = shop().session.pending_timeout = minutes{1};
  name_nodes("n", kMax);
  const auto topology = control->topology();
  EXPECT_THAT(reload(), AllOf(HasSubstr("error: the ledger has no room for node shop/n"),
                              HasSubstr("the running config is unchanged")));
  EXPECT_EQ(control->topology(), topology);
  EXPECT_EQ(control->config(), before);
  EXPECT_TRUE(written().empty());
  pass(minutes{2});
  EXPECT_EQ(status("shop/alice").live, 1) << "the old times are in force";
  bleed("shop/bob");
  settle();
  EXPECT_EQ(nodes(), 3U);
  EXPECT_TRUE(dry("shop/bob"));
}

TEST_F(NamesTest, AfterARefusalThereIsRoomForWhatFits) {
  name_nodes("n", kMax + 1);
  EXPECT_THAT(reload(), HasSubstr("error: "));
  settle();
  name_nodes("m", kMax - 3);
  EXPECT_THAT(reload(), HasSubstr("reloaded"));
}

TEST_F(NamesTest, ThoseOfNodesThatAreGoneAreGivenBack) {
  for (const char* prefix : {"a", "b", "c"}) {
    name_nodes(prefix, kMax / 2);
    ASSERT_THAT(reload(), HasSubstr("reloaded"));
    settle();
    ASSERT_EQ(nodes(), kMax / 2);
  }
}

TEST_F(NamesTest, OneWithAUserOnItIsKeptThoughItsPoolIsGone) {
  conf::Pool blog = shop();
  blog.name = "blog";
  config.pools.push_back(blog);
  reload();
  add_user("blog/alice", 1);
  const auto slot = view("blog/alice").slot;
  config.pools.pop_back();
  reload();
  settle();
  for (const char* prefix : {"a", "b", "c", "d"}) {
    name_nodes(prefix, kMax / 3);
    ASSERT_THAT(reload(), HasSubstr("reloaded"));
    settle();
  }
  ASSERT_TRUE(click(1));
  config.pools.push_back(blog);
  reload();
  EXPECT_EQ(view("blog/alice").slot, slot);
  EXPECT_EQ(status("blog/alice").live, 1);
}

TEST_F(NamesTest, OneWithAnOpenExchangeIsKept) {
  conf::Pool blog = shop();
  blog.name = "blog";
  config.pools.push_back(blog);
  reload();
  const auto alice = view("blog/alice").node;
  alice->open_exchange();
  config.pools.pop_back();
  reload();
  settle();
  config.pools.push_back(blog);
  reload();
  EXPECT_EQ(view("blog/alice").node, alice);
  EXPECT_NE(view("blog/bob").node, nullptr);
  alice->close_exchange(clock.now());
}

TEST_F(NamesTest, AStartThatNeedsTooManySaysSo) {
  control.reset();
  name_nodes("n", kMax + 1);
  try {
    start();
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the ledger has no room for node shop/n"));
  }
}

TEST_F(NamesTest, ASuccessorThatNamesTooManyIsNotFollowed) {
  control->begin_standby();
  const auto topology = control->topology();
  name_nodes("n", kMax + 1);
  EXPECT_FALSE(control->apply_routing_state(config, {{"shop/n1"_node, {}}}, {}, [] { FAIL(); }));
  publisher.acknowledge();
  EXPECT_EQ(control->topology(), topology);
  control->end_standby();
  settle();
  EXPECT_EQ(nodes(), 3U);
}

}  // namespace
}  // namespace bonedry::admin::test
