#include "bench/demo/shopper.h"

#include <algorithm>

namespace bonedry::demo {
namespace {

constexpr Millis kTimeLimit = std::chrono::seconds{10};
constexpr unsigned kItems = 1000;
constexpr double kPutsSomethingIn = 0.7;
// Browsers drop connections as they like: a user is not a connection.
constexpr double kDropsConnection = 0.3;
constexpr double kChecksOut = 0.5;
// If a busy machine delays her click past the time-out, that is not the proxy's failure.
constexpr Millis kOversleepMargin{500};

}  // namespace

Shopper::Shopper(SharedState& town)
    : town_(town), client_(town.loop, town.shop_port), timer_(town.loop, [this] {
        if (state_ == State::thinking) {
          click();
        } else if (state_ == State::clicking) {
          client_.disconnect();
          answered({{}, "no answer in time"});
        }
      }) {}

void Shopper::come() {
  const bool again = last_shop_.has_value();
  ++(again ? town_.tally.returns : town_.tally.users);
  memory_.reset();
  leaves_at_ =
      town_.loop.now() + town_.random.between(town_.manners.stay_least, town_.manners.stay_most);
  click();
}

bool Shopper::overslept() const {
  return town_.loop.now() > received_ + town_.truth.idle_timeout() - kOversleepMargin;
}

std::string Shopper::choose_target() {
  putting_in_.reset();
  if (town_.loop.now() >= leaves_at_) {
    return town_.random.chance(kChecksOut) ? "/leave" : "/cart";
  }
  if (!town_.random.chance(kPutsSomethingIn)) return "/cart";
  putting_in_ = town_.random.below(kItems);
  return "/add?item=" + std::to_string(*putting_in_);
}

void Shopper::click() {
  if (memory_ && overslept()) memory_->doubt = Doubt::session;
  const std::string target = choose_target();
  state_ = State::clicking;
  ++town_.tally.clicks;
  sent_ = town_.loop.now();
  if (memory_) {
    town_.truth.clicks(memory_->visit, sent_);
  } else {
    town_.truth.arriving(sent_);
  }
  timer_.start_once(kTimeLimit);
  client_.get(target, jar_.header(), [this](const HttpAnswer& answer) { answered(answer); });
}

void Shopper::answered(const HttpAnswer& answer) {
  received_ = town_.loop.now();
  const std::optional<Page> page = read_page(answer);
  for (const std::string& cookie : answer.response.all("set-cookie")) jar_.take(cookie);
  if (!page) {
    fail();
  } else if (memory_) {
    check_visit(answer, *page);
  } else {
    begin_visit(*page);
  }
  go_on();
}

void Shopper::fail() {
  ++town_.tally.failed_clicks;
  if (memory_) {
    town_.truth.answered(memory_->visit, sent_, received_);
    memory_->doubt = std::max(memory_->doubt, Doubt::cart);
  } else {
    town_.truth.turned_away(sent_);
  }
}

void Shopper::begin_visit(const Page& page) {
  const bool elsewhere =
      last_shop_ && *last_shop_ != page.shop && town_.truth.door_closed(*last_shop_);
  if (elsewhere) ++town_.tally.returns_elsewhere;
  memory_ = Memory{town_.truth.landed(page.shop, sent_, received_), page, Doubt::none};
}

void Shopper::check_visit(const HttpAnswer& answer, const Page& page) {
  const std::vector<std::string> cookies = answer.response.all("set-cookie");
  const bool new_session = std::any_of(cookies.begin(), cookies.end(), [&](const auto& cookie) {
    return cookie_name(cookie) == town_.session_cookie;
  });
  Truth::VisitId visit = memory_->visit;
  if (new_session || page.shop != memory_->page.shop) {
    town_.truth.lost(visit);
    town_.truth.arriving(sent_);
    visit = town_.truth.landed(page.shop, sent_, received_);
  } else {
    town_.truth.answered(visit, sent_, received_);
  }
  complain(page, visit);
  memory_ = Memory{visit, page, Doubt::none};  // each loss is counted once: she continues from here
}

void Shopper::complain(const Page& page, Truth::VisitId visit_now) {
  std::vector<unsigned> expected = memory_->page.items;
  if (putting_in_) expected.push_back(*putting_in_);
  Tally& tally = town_.tally;
  if (memory_->doubt == Doubt::none && page.items != expected) ++tally.carts_lost;
  if (memory_->doubt == Doubt::session) return;
  if (visit_now != memory_->visit) ++tally.interrupted;
  if (page.version != memory_->page.version) ++tally.release_changed;
}

void Shopper::go_on() {
  // The last click is the one that was sent after it was time to leave.
  if (sent_ >= leaves_at_ && memory_) {
    state_ = State::away;
    last_shop_ = memory_->page.shop;
    timer_.stop();
    client_.disconnect();
    return;
  }
  if (town_.random.chance(kDropsConnection)) client_.disconnect();
  state_ = State::thinking;
  timer_.start_once(town_.random.between(town_.manners.think_least, town_.manners.think_most));
}

}  // namespace bonedry::demo
