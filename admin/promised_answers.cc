#include "admin/promised_answers.h"

#include "proxy/base/duration.h"

#include <chrono>
#include <utility>

namespace bonedry::admin {
namespace {

/// Workers acknowledge within milliseconds; who asked waits for longer than this.
constexpr Millis kTimeLimit = std::chrono::seconds{5};

}  // namespace

Answer PromisedAnswers::promise(std::string until_then, Answer answer) {
  auto promise = std::make_shared<Promise>(
      Promise{clock_.now() + kTimeLimit, std::move(until_then), std::move(answer)});
  promises_.push_back(promise);
  return [promise](Result<ChangeResult, CommandError> result) {
    if (const Answer give = std::exchange(promise->answer, nullptr)) give(std::move(result));
  };
}

void PromisedAnswers::tick() {
  while (!promises_.empty()) {
    const std::shared_ptr<Promise> promise = promises_.front().lock();
    if (promise && promise->answer && clock_.now() < promise->due) return;
    promises_.pop_front();
    const Answer give = promise ? std::exchange(promise->answer, nullptr) : nullptr;
    if (!give) continue;
    const std::string who = who_();
    give(fail(ErrorCode::unacknowledged,
              (who.empty() ? "a worker" : who) + " has not answered for " +
                  format_duration(kTimeLimit) +
                  ": what you asked for is written down and holds in this process, but until that "
                  "one answers or is gone, " +
                  promise->until_then));
  }
}

}  // namespace bonedry::admin
