#pragma once

#include "bench/demo/cookie_jar.h"
#include "bench/demo/http_client.h"
#include "bench/demo/page.h"
#include "bench/demo/town.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::demo {

/// One simulated user with a browser: she looks around, fills her cart, and checks at each click
/// that she is still in the same shop, of the same release, with the same cart.
///
///     away --come--> clicking --response--> thinking --timer--> clicking ... --last response-->
/// away
class Shopper {
 public:
  explicit Shopper(SharedState& town);

  /// Arrives at the shop, for the first time or again; only while away. When she returns, she has
  /// her old cookies, but her session has run out.
  void come();
  [[nodiscard]] bool away() const { return state_ == State::away; }

 private:
  enum class State : std::uint8_t { away, clicking, thinking };
  /// What may have changed by her next click.
  enum class Doubt : std::uint8_t {
    none,
    cart,     ///< a click failed: it may or may not have filled the cart
    session,  ///< her click was too late: the session may have run out
  };
  /// What she remembers of the shop that she is in.
  struct Memory {
    Truth::VisitId visit = 0;
    Page page;
    Doubt doubt = Doubt::none;
  };

  void click();
  [[nodiscard]] std::string choose_target();
  [[nodiscard]] bool overslept() const;
  void answered(const HttpAnswer& answer);
  void begin_visit(const Page& page);
  void check_visit(const HttpAnswer& answer, const Page& page);
  void complain(const Page& page, Truth::VisitId visit_now);
  void fail();
  void go_on();

  SharedState& town_;
  State state_ = State::away;
  CookieJar jar_;
  HttpClient client_;
  Timer timer_;  // the next click while thinking, the time limit while clicking
  std::optional<Memory> memory_;
  std::optional<std::string> last_shop_;  // where she was when she left
  std::optional<unsigned> putting_in_;    // the item of the click in progress
  Instant sent_;
  Instant received_;
  Instant leaves_at_;
};

}  // namespace bonedry::demo
