#include "session/remote_sessions.h"

#include <algorithm>

namespace bonedry::session {

void SessionInquiry::add(const SessionQuestion& question) {
  const bool asked =
      std::ranges::find(questions(), question.key, &SessionQuestion::key) != questions().end();
  if (asked || count_ == kMaxQuestions || !is_open()) return;
  questions_[count_++] = question;
}

void SessionInquiry::narrow(const SessionKey& key) {
  if (!is_open()) return;
  const auto all = questions();
  const auto found = std::ranges::find(all, key, &SessionQuestion::key);
  const bool is_asked = found != all.end();
  if (is_asked) questions_[0] = *found;
  count_ = is_asked ? 1 : 0;
}

std::optional<Answer> SessionInquiry::answer_to(const SessionKey& key) const {
  const auto all = questions();
  const auto found = std::ranges::find(all, key, &SessionQuestion::key);
  if (found == all.end()) return std::nullopt;
  return answers_[static_cast<std::size_t>(found - all.begin())];
}

}  // namespace bonedry::session
