// A pass in a real browser: Chromium without a window.
#include "tests/scenario/story.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// Not among the packages for tests: it is large.
constexpr std::array kChromiums{"/usr/bin/chromium-headless-shell", "/usr/bin/chromium"};

class PassBrowserStory : public ShopStory {
 protected:
  void SetUp() override {
    const auto* const found = std::ranges::find_if(
        kChromiums, [](const char* program) { return ::access(program, X_OK) == 0; });
    if (found == kChromiums.end()) {
      GTEST_SKIP() << "takes Chromium: apt-get install chromium-headless-shell";
    }
    chromium_ = *found;
  }

  /// Opens the page, with the profile of the last call, and returns the document once its scripts
  /// have run.
  [[nodiscard]] std::string open(const std::string& target) const {
    const RunResult result =
        run_program({chromium_, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server",
                     "--user-data-dir=" + (dir_ / "profile"), "--virtual-time-budget=5000",
                     "--dump-dom", "http://" + bonedry_->address() + target},
                    {}, kDeadline * 10);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }

  std::string chromium_;
  TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(Workers, PassBrowserStory, worker_counts(), name_of_workers);

/// A page that loads another resource and sends a form, and shows which nodes served them.
void serve_page(NodeExchange& exchange) {
  exchange.respond(
      200,
      "<html><body><p>page of " + exchange.node_name() +
          "</p><p id=x></p><p id=y></p><script>"
          "fetch('/resource').then(r => r.json()).then(j => {"
          "document.getElementById('x').textContent = 'resource of ' + j.node});"
          "fetch('/form', {method: 'POST', body: 'a=b'}).then(r => r.json()).then(j "
          "=> {document.getElementById('y').textContent = 'form of ' + j.node + ' at ' "
          "+ location.search});</script></body></html>",
      {{"Content-Type", "text/html"}});
}

TEST_P(PassBrowserStory, ItReachesTheNodeInMaintenanceWithAllThatThePageLoads) {
  launch(config());
  alice_.on("/page", serve_page);
  bob_.on("/page", serve_page);
  order("bleed alice");
  EXPECT_TRUE(eventually_dry(alice_));
  order("maintain alice");
  EXPECT_THAT(open("/page"), HasSubstr("page of bob"));
  const std::string query = bonedry_->admin_json("pass alice json").at("query").get<std::string>();
  const std::string page = open("/page?a=1&" + query);
  EXPECT_THAT(page, HasSubstr("page of alice"));
  EXPECT_THAT(page, HasSubstr("resource of alice"));
  EXPECT_THAT(page, HasSubstr("form of alice at ?a=1"));
  EXPECT_THAT(page, Not(HasSubstr("bonedry-pass")));
  EXPECT_EQ(node(alice_).sessions(), 0);
  EXPECT_THAT(open("/page?bonedry-pass=off"), HasSubstr("page of bob"));
}

}  // namespace
}  // namespace bonedry::test
