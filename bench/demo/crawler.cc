#include "bench/demo/crawler.h"

#include "bench/demo/page.h"

#include <optional>

namespace bonedry::demo {
namespace {

constexpr Millis kShortestPause{400};
constexpr Millis kLongestPause{1200};

}  // namespace

Crawler::Crawler(SharedState& town)
    : town_(town), client_(town.loop, town.shop_port), timer_(town.loop, [this] { crawl(); }) {
  timer_.start_once(town_.random.between(Millis{0}, kLongestPause));
}

void Crawler::crawl() {
  sent_ = town_.loop.now();
  ++town_.tally.crawls;
  town_.truth.arriving(sent_);
  client_.get("/cart", "", [this](const HttpAnswer& answer) { answered(answer); });
}

void Crawler::answered(const HttpAnswer& answer) {
  const std::optional<Page> page = read_page(answer);
  if (page) {
    town_.truth.landed(page->shop, sent_, town_.loop.now());
  } else {
    town_.truth.turned_away(sent_);
    ++town_.tally.failed_clicks;
  }
  timer_.start_once(town_.random.between(kShortestPause, kLongestPause));
}

}  // namespace bonedry::demo
