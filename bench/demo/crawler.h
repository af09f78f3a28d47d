#pragma once

#include "bench/demo/browser.h"
#include "bench/demo/shared_state.h"

namespace bonedry::demo {

/// A robot that never returns a cookie: each of its requests begins a session that stays pending
/// until it expires.
class Crawler {
 public:
  explicit Crawler(SharedState& shared);

 private:
  void send_request();
  void on_result(const ClickResult& result);

  SharedState& shared_;
  Browser browser_;
  Timer timer_;
  Instant sent_;
};

}  // namespace bonedry::demo
