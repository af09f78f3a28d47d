#pragma once

#include "bench/demo/http_client.h"
#include "bench/demo/town.h"

namespace bonedry::demo {

/// A robot that never returns a cookie: each of its requests begins a session that stays pending
/// until it runs out.
class Crawler {
 public:
  explicit Crawler(SharedState& town);

 private:
  void crawl();
  void answered(const HttpAnswer& answer);

  SharedState& town_;
  HttpClient client_;
  Timer timer_;
  Instant sent_;
};

}  // namespace bonedry::demo
