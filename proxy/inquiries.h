#pragma once

#include "session/remote_sessions.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace bonedry::proxy {

/// An inquiry that waits for answers. Owned by the exchange that asks; answers that come after its
/// end have no effect, so an exchange may end, or be used for another request, at any time.
class PendingInquiry {
 public:
  ~PendingInquiry() { shared_->on_answered = nullptr; }
  PendingInquiry(const PendingInquiry&) = delete;
  PendingInquiry& operator=(const PendingInquiry&) = delete;

  /// From now on nobody waits: `on_answered` will not be called.
  void stop_waiting() { shared_->on_answered = nullptr; }
  [[nodiscard]] bool is_answered() const { return shared_->unanswered == 0; }
  [[nodiscard]] session::SessionInquiry& inquiry() { return shared_->inquiry; }

 private:
  friend class Inquiries;
  /// What the callbacks of the questions keep alive.
  struct Shared {
    session::SessionInquiry inquiry;
    std::size_t unanswered = 0;
    std::function<void()> on_answered;

    void note(std::size_t question, session::Answer answer);
  };
  explicit PendingInquiry(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  std::shared_ptr<Shared> shared_;
};

/// Asks the other members of a cluster for one worker's exchanges. Bounded: when the others answer
/// slowly, a flood of unknown cookies must not fill the memory. Lives as long as the worker, and so
/// longer than any question.
class Inquiries {
 public:
  static constexpr std::size_t kMaxOpenQuestions = 1000;

  explicit Inquiries(session::RemoteSessions& remote) : remote_(remote) {}
  Inquiries(const Inquiries&) = delete;
  Inquiries& operator=(const Inquiries&) = delete;

  /// Closes the inquiry and asks its questions. `on_answered` is called once all are answered,
  /// never from inside this call. With too many questions open, nothing is asked: the result is
  /// answered at once, and all of it is uncertain.
  [[nodiscard]] std::unique_ptr<PendingInquiry> ask(const session::SessionInquiry& inquiry,
                                                    std::function<void()> on_answered);
  /// See RemoteSessions.
  void tell_soon() { remote_.tell_soon(); }
  [[nodiscard]] std::size_t open_questions() const { return open_; }

 private:
  session::RemoteSessions& remote_;
  std::size_t open_ = 0;
};

}  // namespace bonedry::proxy
