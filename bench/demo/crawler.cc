#include "bench/demo/crawler.h"

#include "bench/demo/page.h"

#include <optional>

namespace bonedry::demo {
namespace {

constexpr Millis kMinPause{400};
constexpr Millis kMaxPause{1200};

}  // namespace

Crawler::Crawler(SharedState& shared)
    : shared_(shared),
      browser_(shared.loop, shared.random, shared.doors),
      timer_(shared.loop, [this] { send_request(); }) {
  timer_.start_once(shared_.random.between(Millis{0}, kMaxPause));
}

void Crawler::send_request() {
  sent_ = shared_.loop.now();
  ++shared_.counters.crawler_requests;
  shared_.expected.first_request_sent(sent_);
  browser_.get("/cart", "", [this](const ClickResult& result) { on_result(result); });
}

void Crawler::on_result(const ClickResult& result) {
  const Instant now = shared_.loop.now();
  const std::optional<Page> page = parse_page(result.http);
  shared_.counters.clicks_repeated += result.repeats;
  if (result.lost > 0) shared_.expected.first_request_lost(sent_, now);
  if (page) {
    shared_.expected.session_started(page->shop, {sent_, now, result.proxy, {}});
  } else {
    shared_.expected.first_request_failed(sent_);
    shared_.counters.click_failed(result);
  }
  timer_.start_once(shared_.random.between(kMinPause, kMaxPause));
}

}  // namespace bonedry::demo
