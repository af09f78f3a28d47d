#pragma once

#include "bench/demo/front_doors.h"
#include "bench/demo/http_client.h"
#include "bench/demo/loop.h"
#include "bench/demo/random.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::demo {

/// What came of a click, at whichever proxy.
struct ClickResult {
  HttpResult http;
  std::size_t proxy = 0;  ///< the one that answered, or the last one that did not
  unsigned repeats = 0;   ///< how often it was sent again, because a proxy was down
  unsigned lost = 0;      ///< how many of the earlier attempts may have reached the shop
};

/// A browser that goes through another proxy with each click, at random, and keeps a connection to
/// each. A click that a proxy does not answer because it is down is repeated at another one at
/// once, as browsers do with the next address of a name. Nothing else is ever repeated.
class Browser {
 public:
  using Callback = std::function<void(const ClickResult&)>;

  /// All three must outlive the browser.
  Browser(Loop& loop, Random& random, const FrontDoors& doors);

  /// As HttpClient::get.
  void get(const std::string& target, const std::string& cookies, Callback callback);
  /// Drops all connections and any click in progress.
  void disconnect();

 private:
  void send();
  void on_result(const HttpResult& result);
  [[nodiscard]] std::size_t take_untried();

  Loop& loop_;
  Random& random_;
  const FrontDoors& doors_;
  std::vector<std::unique_ptr<HttpClient>> clients_;  // by proxy
  // Of the click in progress:
  std::vector<std::size_t> untried_;
  std::string target_;
  std::string cookies_;
  Callback callback_;
  ClickResult result_;
  Instant sent_;
};

}  // namespace bonedry::demo
