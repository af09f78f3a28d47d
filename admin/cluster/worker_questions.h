#pragma once

#include "proxy/io/mailbox.h"
#include "session/remote_sessions.h"

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

namespace bonedry::admin::cluster {

/// What one worker asks the other members: takes its questions to the main thread, and the answers
/// back. Lives as long as the worker, on its thread.
class WorkerQuestions final : public session::RemoteSessions {
 public:
  /// Asks on the main thread.
  using Ask = std::function<void(const session::SessionQuestion& question,
                                 std::function<void(session::Answer)> answered)>;

  /// Tells the other members, on the main thread.
  using Tell = std::function<void()>;

  /// `main` outlives all workers; `worker` outlives everything that the main thread posts, which it
  /// does only while workers run.
  WorkerQuestions(io::Mailbox& main, io::Mailbox& worker, Ask ask, Tell tell)
      : main_(main), worker_(worker), ask_(std::move(ask)), tell_(std::move(tell)) {}

  void ask(const session::SessionQuestion& question,
           std::function<void(session::Answer)> answered) override {
    main_.post([&worker = worker_, ask = ask_, question, answered = std::move(answered)]() mutable {
      ask(question, [&worker, answered = std::move(answered)](session::Answer answer) mutable {
        worker.post([answer, answered = std::move(answered)] { answered(answer); });
      });
    });
  }
  /// Once for all that happens until the main thread gets to it.
  void tell_soon() override {
    if (is_under_way_->exchange(true)) return;
    main_.post([tell = tell_, is_under_way = is_under_way_] {
      is_under_way->store(false);
      tell();
    });
  }

 private:
  io::Mailbox& main_;
  io::Mailbox& worker_;
  Ask ask_;
  Tell tell_;
  // The main thread may get to it after the end of the worker.
  std::shared_ptr<std::atomic<bool>> is_under_way_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace bonedry::admin::cluster
