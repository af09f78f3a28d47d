#include "admin/cluster/session_questions.h"

#include <utility>

namespace bonedry::admin::cluster {

using session::Answer;
using session::SessionKey;

SessionQuestions::Added SessionQuestions::add(const session::SessionQuestion& question, Instant now,
                                              Answered answered) {
  if (Question* const same = find(question.key); same != nullptr) {
    if (same->askers.size() >= kMaxAskers) return Added::refused;
    same->askers.push_back(std::move(answered));
    return Added::another;
  }
  if (questions_.size() >= kMaxKeys) return Added::refused;
  Question& added = questions_[question.key];
  added.of = question;
  added.asked = now;
  added.askers.push_back(std::move(answered));
  return Added::first;
}

SessionQuestions::Question* SessionQuestions::find(const SessionKey& key) {
  const auto found = questions_.find(key);
  return found == questions_.end() ? nullptr : &found->second;
}

void SessionQuestions::answer(const SessionKey& key, Answer answer) {
  const auto node = questions_.extract(key);
  if (node.empty()) return;
  for (const Answered& answered : node.mapped().askers) answered(answer);
}

std::vector<SessionKey> SessionQuestions::keys() const {
  std::vector<SessionKey> keys;
  for (const auto& [key, question] : questions_) keys.push_back(key);
  return keys;
}

}  // namespace bonedry::admin::cluster
