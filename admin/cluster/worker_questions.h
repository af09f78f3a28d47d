#pragma once

#include "proxy/io/mailbox.h"
#include "session/remote_sessions.h"

#include <functional>
#include <utility>

namespace bonedry::admin::cluster {

/// What one worker asks the other members: takes its questions to the main thread, and the answers
/// back. Lives as long as the worker, on its thread.
class WorkerQuestions final : public session::RemoteSessions {
 public:
  /// Asks on the main thread.
  using Ask = std::function<void(const session::SessionQuestion& question,
                                 std::function<void(session::Answer)> answered)>;

  /// `main` outlives all workers; `worker` outlives everything that the main thread posts, which it
  /// does only while workers run.
  WorkerQuestions(io::Mailbox& main, io::Mailbox& worker, Ask ask)
      : main_(main), worker_(worker), ask_(std::move(ask)) {}

  void ask(const session::SessionQuestion& question,
           std::function<void(session::Answer)> answered) override {
    main_.post([&worker = worker_, ask = ask_, question, answered = std::move(answered)]() mutable {
      ask(question, [&worker, answered = std::move(answered)](session::Answer answer) mutable {
        worker.post([answer, answered = std::move(answered)] { answered(answer); });
      });
    });
  }

 private:
  io::Mailbox& main_;
  io::Mailbox& worker_;
  Ask ask_;
};

}  // namespace bonedry::admin::cluster
