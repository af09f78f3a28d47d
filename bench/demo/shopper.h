#pragma once

#include "bench/demo/browser.h"
#include "bench/demo/cookie_jar.h"
#include "bench/demo/page.h"
#include "bench/demo/shared_state.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::demo {

/// One simulated user with a browser. The user puts items into the cart, and checks at each click
/// that it still has the same session, on the same node and release, with the same cart.
///
///     away --arrive()--> clicking --result--> thinking --timer--> clicking --last result--> away
class Shopper {
 public:
  explicit Shopper(SharedState& shared);

  /// Begins a visit, the first or a later one; only while away. At a later one the user still has
  /// the old cookies, but the session has expired.
  void arrive();
  [[nodiscard]] bool away() const { return state_ == State::away; }

 private:
  enum class State : std::uint8_t { away, clicking, thinking };
  /// What the next page may differ in without being a failure of the proxy.
  enum class Uncertainty : std::uint8_t {
    none,
    cart,     ///< a click failed: the item may or may not be in the cart
    session,  ///< the click was too late: the session may have expired, and the cart with it
  };
  struct Session {
    ExpectedSessions::SessionId id = 0;
    Page last_page;
    Uncertainty uncertainty = Uncertainty::none;
  };

  void click();
  [[nodiscard]] std::string choose_target();
  [[nodiscard]] bool is_late() const;
  void on_result(const ClickResult& result);
  void begin_session(const ClickResult& result, const Page& page);
  void continue_session(const ClickResult& result, const Page& page);
  void count_failures(const ClickResult& result, const Page& page,
                      ExpectedSessions::SessionId new_id);
  [[nodiscard]] bool cart_is_right(const ClickResult& result, const Page& page) const;
  void count_failed_click(const ClickResult& result);
  [[nodiscard]] ExpectedSessions::Exchange exchange(const ClickResult& result) const {
    using Cookie = ExpectedSessions::Exchange::Cookie;
    return {sent_, received_, result.proxy, previous_shop_ ? Cookie::sent : Cookie::none};
  }
  void schedule_next_click();

  SharedState& shared_;
  State state_ = State::away;
  CookieJar cookies_;
  Browser browser_;
  Timer timer_;  // the next click while thinking, the time limit while clicking
  std::optional<Session> session_;
  std::optional<std::string> previous_shop_;  // of the visit before this one
  std::optional<unsigned> added_item_;        // by the click in progress
  Instant sent_;
  Instant received_;
  Instant leaves_at_;
};

}  // namespace bonedry::demo
