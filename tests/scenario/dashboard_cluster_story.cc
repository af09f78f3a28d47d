// What the dashboard shows of a cluster.
#include "tests/scenario/axe.h"
#include "tests/scenario/cluster_story.h"
#include "tests/support/browser.h"
#include "tests/support/socket.h"

#include <memory>
#include <string>

namespace bonedry::test {
namespace {

using nlohmann::json;
using testing::IsEmpty;

class DashboardClusterStory : public ClusterStory {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(ClusterStory::SetUp());
    if (IsSkipped()) return;
    const auto chromium = Browser::program();
    if (!chromium) GTEST_SKIP() << "takes Chromium: apt-get install chromium-headless-shell";
    browser_ = std::make_unique<Browser>(*chromium);
    page_ = std::make_unique<Page>(*browser_);
    page_->resize(1280, 900);
  }
  void TearDown() override {
    if (!page_) return;
    EXPECT_THAT(page_->complaints(), IsEmpty());
  }

  /// p1 has the dashboard.
  void launch_with_dashboard(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      TestConfig member = config(i, {}, {"silent_after = \"2s\""});
      if (i == 0) member.admin.push_back("http = \"" + door_.address() + "\"");
      members_.push_back(std::make_unique<BonedryProcess>(member));
    }
    ASSERT_TRUE(eventually([&] { return all_are_heard(count); })) << members_[0]->status().dump(2);
    page_->open("http://" + door_.address() + "/");
    EXPECT_TRUE(page_->becomes_true("document.body.classList.contains('is-live')"));
  }
  [[nodiscard]] bool shows(const std::string& text) {
    return page_->becomes_true(
        "document.querySelector('.cluster').innerText.includes(" + json(text).dump() + ")",
        kDeadline * 2);
  }
  /// Whether this was the last thing that was read out.
  [[nodiscard]] bool says(const std::string& text) {
    return page_->becomes_true("document.getElementById('announcer').textContent === " +
                               json(text).dump());
  }

  ListeningPort door_;
  std::unique_ptr<Browser> browser_;
  std::unique_ptr<Page> page_;
};

INSTANTIATE_TEST_SUITE_P(Workers, DashboardClusterStory, testing::Values(4U), name_of_workers);

TEST_P(DashboardClusterStory, MembersAndTheStore) {
  ASSERT_NO_FATAL_FAILURE(launch_with_dashboard(3));
  EXPECT_TRUE(shows("p1 (this one)"));
  EXPECT_TRUE(shows("p2 heard"));
  EXPECT_TRUE(shows("p3 heard"));
  EXPECT_TRUE(shows("store " + ways_[0]->address() + " connected"));
  EXPECT_TRUE(page_->becomes_true("document.querySelector('.cluster-notes').hidden"));
  const std::string axe = axe_core();
  if (!axe.empty()) expect_accessible(*page_, axe, "all is well");

  member(2).kill9();
  EXPECT_TRUE(shows("p3 silent for "));
  EXPECT_TRUE(shows("No node becomes dry until p3 is heard again"));
  EXPECT_TRUE(says("p3 is silent."));
  if (!axe.empty()) expect_accessible(*page_, axe, "a silent member");
  page_->resize(360, 780);
  EXPECT_LE(page_->value("document.documentElement.scrollWidth").get<int>(), 360);

  ways_[0]->cut();
  EXPECT_TRUE(shows("store " + ways_[0]->address() + " lost for "));
  EXPECT_TRUE(shows("While the store is lost, no node becomes dry"));
  EXPECT_TRUE(says("The store of the cluster is lost."));
  if (!axe.empty()) expect_accessible(*page_, axe, "a lost store");
  EXPECT_LE(page_->value("document.documentElement.scrollWidth").get<int>(), 360);
}

TEST_P(DashboardClusterStory, AMemberThatIsForgottenIsNoLongerShown) {
  ASSERT_NO_FATAL_FAILURE(launch_with_dashboard(2));
  member(1).kill9();
  EXPECT_TRUE(shows("p2 silent"));
  order(0, "member forget p2 --ended");
  EXPECT_TRUE(page_->becomes_true("!document.querySelector('.cluster').innerText.includes('p2')"));
}

}  // namespace
}  // namespace bonedry::test
