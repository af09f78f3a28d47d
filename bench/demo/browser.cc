#include "bench/demo/browser.h"

#include <numeric>
#include <utility>

namespace bonedry::demo {

Browser::Browser(Loop& loop, Random& random, const FrontDoors& doors)
    : loop_(loop), random_(random), doors_(doors) {
  for (std::size_t proxy = 0; proxy < doors.size(); ++proxy) {
    clients_.push_back(std::make_unique<HttpClient>(loop, doors.port(proxy)));
  }
}

void Browser::get(const std::string& target, const std::string& cookies, Callback callback) {
  target_ = target;
  cookies_ = cookies;
  callback_ = std::move(callback);
  result_ = {};
  untried_.resize(clients_.size());
  std::iota(untried_.begin(), untried_.end(), std::size_t{0});
  send();
}

void Browser::disconnect() {
  for (const auto& client : clients_) client->disconnect();
  callback_ = nullptr;
}

std::size_t Browser::take_untried() {
  const std::size_t at =
      untried_.size() == 1 ? 0 : random_.below(static_cast<unsigned>(untried_.size()));
  const std::size_t proxy = untried_[at];
  untried_.erase(untried_.begin() + static_cast<std::ptrdiff_t>(at));
  return proxy;
}

void Browser::send() {
  result_.proxy = take_untried();
  sent_ = loop_.now();
  clients_[result_.proxy]->get(target_, cookies_,
                               [this](const HttpResult& result) { on_result(result); });
}

void Browser::on_result(const HttpResult& result) {
  const bool unanswered = result.failure == HttpResult::Failure::not_connected ||
                          result.failure == HttpResult::Failure::connection_lost;
  if (unanswered && !doors_.open_since(result_.proxy, sent_) && !untried_.empty()) {
    ++result_.repeats;
    if (result.failure == HttpResult::Failure::connection_lost) ++result_.lost;
    send();
    return;
  }
  result_.http = result;
  // The callback may send the next click, or destroy this browser.
  const Callback callback = std::exchange(callback_, nullptr);
  const ClickResult finished = std::exchange(result_, {});
  if (callback) callback(finished);
}

}  // namespace bonedry::demo
