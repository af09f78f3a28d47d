#include "bench/demo/shopper.h"

#include <algorithm>

namespace bonedry::demo {
namespace {

constexpr Millis kTimeLimit = std::chrono::seconds{10};
constexpr unsigned kItems = 1000;
constexpr double kAddProbability = 0.7;
// Browsers close connections at any time: a session must not depend on a connection.
constexpr double kDisconnectProbability = 0.3;
constexpr double kCheckoutProbability = 0.5;
// A busy machine may delay a click past the idle time-out, which is not a failure of the proxy.
constexpr Millis kExpiryMargin{500};

}  // namespace

Shopper::Shopper(SharedState& shared)
    : shared_(shared),
      browser_(shared.loop, shared.random, shared.doors),
      timer_(shared.loop, [this] {
        if (state_ == State::thinking) {
          click();
        } else if (state_ == State::clicking) {
          browser_.disconnect();
          on_result({{{}, HttpResult::Failure::no_answer}});
        }
      }) {}

void Shopper::arrive() {
  const bool returning = previous_shop_.has_value();
  ++(returning ? shared_.counters.returns : shared_.counters.users);
  session_.reset();
  leaves_at_ = shared_.loop.now() +
               shared_.random.between(shared_.behavior.min_stay, shared_.behavior.max_stay);
  click();
}

bool Shopper::is_late() const {
  return shared_.loop.now() > received_ + shared_.expected.idle_timeout() - kExpiryMargin;
}

std::string Shopper::choose_target() {
  added_item_.reset();
  if (shared_.loop.now() >= leaves_at_) {
    return shared_.random.chance(kCheckoutProbability) ? "/leave" : "/cart";
  }
  if (!shared_.random.chance(kAddProbability)) return "/cart";
  added_item_ = shared_.random.below(kItems);
  return "/add?item=" + std::to_string(*added_item_);
}

void Shopper::click() {
  if (session_ && is_late()) session_->uncertainty = Uncertainty::session;
  const std::string target = choose_target();
  state_ = State::clicking;
  ++shared_.counters.clicks;
  sent_ = shared_.loop.now();
  if (session_) {
    shared_.expected.request_sent(session_->id, sent_);
  } else {
    shared_.expected.first_request_sent(sent_);
  }
  timer_.start_once(kTimeLimit);
  browser_.get(target, cookies_.header(), [this](const ClickResult& result) { on_result(result); });
}

void Shopper::on_result(const ClickResult& result) {
  received_ = shared_.loop.now();
  const std::optional<Page> page = parse_page(result.http);
  for (const std::string& cookie : result.http.response.all("set-cookie")) cookies_.take(cookie);
  shared_.counters.clicks_repeated += result.repeats;
  shared_.counters.longest_click = std::max(shared_.counters.longest_click, received_ - sent_);
  if (!session_ && result.lost > 0) shared_.expected.first_request_lost(sent_, received_);
  if (!page) {
    count_failed_click(result);
  } else if (session_) {
    continue_session(result, *page);
  } else {
    begin_session(result, *page);
  }
  schedule_next_click();
}

void Shopper::count_failed_click(const ClickResult& result) {
  shared_.counters.click_failed(result);
  if (session_) {
    shared_.expected.request_finished(session_->id, exchange(result));
    session_->uncertainty = std::max(session_->uncertainty, Uncertainty::cart);
  } else {
    shared_.expected.first_request_failed(sent_);
  }
}

void Shopper::begin_session(const ClickResult& result, const Page& page) {
  const bool sent_elsewhere = previous_shop_ && *previous_shop_ != page.shop &&
                              shared_.expected.is_out_of_rotation(*previous_shop_);
  if (sent_elsewhere) ++shared_.counters.returns_to_other_node;
  session_ = Session{shared_.expected.session_started(page.shop, exchange(result)), page,
                     Uncertainty::none};
}

void Shopper::continue_session(const ClickResult& result, const Page& page) {
  const std::vector<std::string> cookies = result.http.response.all("set-cookie");
  const bool new_session = std::any_of(cookies.begin(), cookies.end(), [&](const auto& cookie) {
    return cookie_name(cookie) == shared_.session_cookie;
  });
  ExpectedSessions::SessionId id = session_->id;
  if (new_session || page.shop != session_->last_page.shop) {
    shared_.expected.session_lost(id);
    shared_.expected.first_request_sent(sent_);
    id = shared_.expected.session_started(page.shop, exchange(result));
  } else {
    shared_.expected.request_finished(id, exchange(result));
  }
  count_failures(result, page, id);
  // The next click is compared with this page: each failure is counted once.
  session_ = Session{id, page, Uncertainty::none};
}

bool Shopper::cart_is_right(const ClickResult& result, const Page& page) const {
  std::vector<unsigned> cart = session_->last_page.items;
  if (!added_item_) return page.items == cart;
  // A lost attempt may have put the item in as well: then it is there twice.
  for (unsigned attempt = 0; attempt <= result.lost; ++attempt) {
    cart.push_back(*added_item_);
    if (page.items == cart) return true;
  }
  return false;
}

void Shopper::count_failures(const ClickResult& result, const Page& page,
                             ExpectedSessions::SessionId new_id) {
  UserCounters& counters = shared_.counters;
  if (session_->uncertainty == Uncertainty::none && !cart_is_right(result, page)) {
    ++counters.carts_lost;
  }
  if (session_->uncertainty == Uncertainty::session) return;
  if (new_id != session_->id) ++counters.sessions_lost;
  if (page.release != session_->last_page.release) ++counters.release_changes;
}

void Shopper::schedule_next_click() {
  // The last click is the one that was sent after it was time to leave.
  if (sent_ >= leaves_at_ && session_) {
    state_ = State::away;
    previous_shop_ = session_->last_page.shop;
    timer_.stop();
    browser_.disconnect();
    return;
  }
  if (shared_.random.chance(kDisconnectProbability)) browser_.disconnect();
  state_ = State::thinking;
  timer_.start_once(
      shared_.random.between(shared_.behavior.min_think_time, shared_.behavior.max_think_time));
}

}  // namespace bonedry::demo
