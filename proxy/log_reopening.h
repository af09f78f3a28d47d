#pragma once

#include "proxy/access_log.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/io/mailbox.h"

#include <cstdint>
#include <deque>
#include <functional>

namespace bonedry::proxy {

/// The requests to reopen the access log that its thread has not carried out yet. Owned by Server;
/// main thread. Must outlive the log.
class LogReopening {
 public:
  /// Within this time a request is answered: with an error if the log's thread hangs in a write.
  static constexpr Millis kTimeLimit = std::chrono::seconds{5};

  using Done = std::function<void(const Result<>&)>;

  LogReopening(io::EventLoop& loop, const Clock& clock) : mailbox_(loop), clock_(clock) {}

  /// `done` is called once, never from inside this call.
  void reopen(AccessLog& log, Done done);
  /// Answers the requests that are overdue. Call it periodically.
  void tick();

 private:
  struct Request {
    std::uint64_t number;
    Instant due;
    Done done;
  };

  void on_reopened(std::uint64_t number, const Result<>& result);

  io::Mailbox mailbox_;
  const Clock& clock_;
  std::uint64_t last_ = 0;
  std::deque<Request> waiting_;  // by number, and so by the time at which they are due
};

}  // namespace bonedry::proxy
