// A crawler keeps no cookies: each of its requests is a pending session. The operator who bleeds
// the node must be able to distinguish them from users, and to see how long they will last.
#include "tests/scenario/story.h"

#include <future>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

constexpr int kConnections = 4;
constexpr int kRequestsEach = 2500;  // ten thousand in all
constexpr int kPipelined = 50;

/// Requests page after page and drops each cookie.
void crawl(const std::string& address) {
  HttpClient crawler{address};
  std::string batch;
  for (int i = 0; i < kPipelined; ++i) batch += Request{.target = "/page"}.to_wire();
  for (int sent = 0; sent < kRequestsEach; sent += kPipelined) {
    crawler.send(batch);
    for (int i = 0; i < kPipelined; ++i) ASSERT_EQ(crawler.read_response().status, 200);
  }
}

class CrawlerStory : public ShopStory {
 protected:
  void let_crawlers_in() const {
    std::vector<std::future<void>> crawlers;
    for (int i = 0; i < kConnections; ++i) {
      crawlers.push_back(std::async(std::launch::async, crawl, bonedry_->address()));
    }
    for (auto& crawler : crawlers) crawler.get();
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, CrawlerStory, worker_counts(), name_of_workers);

TEST_P(CrawlerStory, TheOperatorSeesUsersAmongTenThousandCrawledPages) {
  launch(config({"pending_timeout = \"15m\""}));
  User user = live_user_on(alice_);
  let_crawlers_in();
  order("bleed alice");
  ASSERT_TRUE(eventually([&] {
    return node(alice_).bleeding.value("pending_ends_in_s", nlohmann::json()).is_number();
  }));

  const NodeView seen = node(alice_);
  EXPECT_EQ(seen.live, 1);
  EXPECT_GT(seen.pending, kConnections * kRequestsEach / 4) << "some half of them";
  const double ends_in = seen.bleeding.at("pending_ends_in_s");
  EXPECT_GT(ends_in, 600) << "they came a moment ago";
  EXPECT_LE(ends_in, 900);
  EXPECT_THAT(bonedry_->admin("status"),
              HasSubstr("1 live session; " + std::to_string(seen.pending) +
                        " pending sessions\n  the last pending session ends within 1"));
  user.click();
  EXPECT_EQ(user.node(), "alice");
}

TEST_P(CrawlerStory, TheListOfSessionsHasPages) {
  launch(config());
  User user = live_user_on(alice_);
  user.click();
  let_crawlers_in();
  const auto first = bonedry_->admin_json("sessions alice --sort exchanges --limit 1000 json");
  EXPECT_EQ(first.at("sessions").at(0).at("state"), "live");
  EXPECT_GE(first.at("sessions").at(0).at("exchanges"), 3);
  EXPECT_EQ(first.at("live"), 1);
  const auto total = first.at("total").get<std::size_t>();
  EXPECT_EQ(total, static_cast<std::size_t>(node(alice_).sessions()));

  std::size_t listed = 0;
  std::string last_text;
  for (std::size_t page = 1; listed < total; ++page) {
    const std::string which = " --limit 1000 --page " + std::to_string(page);
    const auto answer = bonedry_->admin_json("sessions alice" + which + " json");
    ASSERT_FALSE(answer.at("sessions").empty());
    EXPECT_EQ(answer.at("offset"), listed);
    listed += answer.at("sessions").size();
    last_text = bonedry_->admin("sessions alice" + which);
    EXPECT_EQ(last_text.find("; next page: --page " + std::to_string(page + 1) + "\n") !=
                  std::string::npos,
              listed < total);
  }
  EXPECT_EQ(listed, total);
  EXPECT_THAT(last_text, HasSubstr("the last pending session ends within "));
}

}  // namespace
}  // namespace bonedry::test
