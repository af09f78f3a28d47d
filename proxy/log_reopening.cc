#include "proxy/log_reopening.h"

#include "proxy/base/duration.h"

#include <algorithm>
#include <utility>

namespace bonedry::proxy {

void LogReopening::reopen(AccessLog& log, Done done) {
  const std::uint64_t number = ++last_;
  waiting_.push_back({number, clock_.now() + kTimeLimit, std::move(done)});
  log.reopen([this, number](const Result<>& result) {
    mailbox_.post([this, number, result] { on_reopened(number, result); });
  });
}

void LogReopening::on_reopened(std::uint64_t number, const Result<>& result) {
  const auto found = std::ranges::find(waiting_, number, &Request::number);
  if (found == waiting_.end()) return;  // it was overdue
  const Done done = std::move(found->done);
  waiting_.erase(found);
  done(result);
}

void LogReopening::tick() {
  while (!waiting_.empty() && waiting_.front().due <= clock_.now()) {
    const Done done = std::move(waiting_.front().done);
    waiting_.pop_front();
    done(Failure{"a write to it has been waiting for more than " + format_duration(kTimeLimit)});
  }
}

}  // namespace bonedry::proxy
