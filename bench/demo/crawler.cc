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
      client_(shared.loop, shared.proxy_port),
      timer_(shared.loop, [this] { send_request(); }) {
  timer_.start_once(shared_.random.between(Millis{0}, kMaxPause));
}

void Crawler::send_request() {
  sent_ = shared_.loop.now();
  ++shared_.counters.crawler_requests;
  shared_.expected.first_request_sent(sent_);
  client_.get("/cart", "", [this](const HttpResult& result) { on_result(result); });
}

void Crawler::on_result(const HttpResult& result) {
  const std::optional<Page> page = parse_page(result);
  if (page) {
    shared_.expected.session_started(page->shop, sent_, shared_.loop.now());
  } else {
    shared_.expected.first_request_failed(sent_);
    ++shared_.counters.failed_clicks;
  }
  timer_.start_once(shared_.random.between(kMinPause, kMaxPause));
}

}  // namespace bonedry::demo
