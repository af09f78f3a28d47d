#include "proxy/inquiries.h"

namespace bonedry::proxy {

void PendingInquiry::Shared::note(std::size_t question, session::Answer answer) {
  inquiry.note(question, answer);
  if (--unanswered != 0) return;
  // The exchange may drop the callback while it runs.
  const std::function<void()> call = std::exchange(on_answered, nullptr);
  if (call) call();
}

std::unique_ptr<PendingInquiry> Inquiries::ask(const session::SessionInquiry& inquiry,
                                               std::function<void()> on_answered) {
  const auto shared = std::make_shared<PendingInquiry::Shared>();
  shared->inquiry = inquiry;
  shared->inquiry.close();
  auto pending = std::unique_ptr<PendingInquiry>(new PendingInquiry(shared));
  const auto questions = shared->inquiry.questions();
  if (open_ + questions.size() > kMaxOpenQuestions) return pending;
  open_ += questions.size();
  shared->unanswered = questions.size();
  shared->on_answered = std::move(on_answered);
  for (std::size_t at = 0; at < questions.size(); ++at) {
    remote_.ask(questions[at], [this, shared, at](session::Answer answer) {
      --open_;
      shared->note(at, answer);
    });
  }
  return pending;
}

}  // namespace bonedry::proxy
