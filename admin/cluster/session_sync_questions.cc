// What SessionSync answers to workers that ask for a session.
#include "admin/cluster/session_sync.h"

#include <utility>
#include <variant>

namespace bonedry::admin::cluster {

using session::Answer;
using session::SessionKey;

void SessionSync::ask(const session::SessionQuestion& question,
                      SessionQuestions::Answered answered) {
  ++statistics_.asked;
  // What ended here must not be taken over again from an index that has not heard of it.
  sender_.collect();
  const auto refuse = [&](Answer answer) {
    note_answer(answer);
    answered(answer);
  };
  if (sender_.ended_lately(question.key)) return refuse(Answer::ended);
  if (!has_joined()) return refuse(Answer::uncertain);
  using Added = SessionQuestions::Added;
  const Added added = questions_.add(question, clock_.now(), answered);
  if (added == Added::refused) return refuse(Answer::uncertain);
  if (added == Added::another) return;
  sender_.send();
  look_up(*questions_.find(question.key));
}

void SessionSync::look_up(SessionQuestions::Question& question) {
  question.asking = SessionQuestions::Question::Asking::now;
  const SessionKey key = question.of.key;
  index_.lookup(key, on_this_connection<SessionIndex::Found>(
                         [this, key, asked = clock_.now()](const auto& found) {
                           on_found(key, asked, found);
                         }));
}

void SessionSync::on_found(const SessionKey& key, Instant asked,
                           const Result<SessionIndex::Found>& found) {
  SessionQuestions::Question* const question = questions_.find(key);
  if (question == nullptr) return;  // given up: its user was taken back in by his cookie
  question->asking = SessionQuestions::Question::Asking::not_now;
  if (!found) return;  // asked again with the next tick, if there is time
  if (const auto* const alive = std::get_if<SessionIndex::Alive>(&*found)) {
    return take_over(*question, asked, *alive);
  }
  if (const auto* const ended = std::get_if<SessionIndex::Ended>(&*found)) {
    sessions_.end_remote(key, asked - ended->age, clock_.now());
    return answer(key, Answer::ended);
  }
  on_unknown(*question, std::get<SessionIndex::Unknown>(*found));
}

void SessionSync::take_over(const SessionQuestions::Question& question, Instant asked,
                            const SessionIndex::Alive& alive) {
  const SessionKey key = question.of.key;
  const Instant now = clock_.now();
  const auto slot = slot_of(alive.tag);
  const SyncNode* const node = slot ? nodes_.find(*slot) : nullptr;
  if (node == nullptr || node->entrance == SyncNode::Entrance::held) {
    return answer(key, Answer::uncertain);
  }
  // What the index still has of a session that nobody has any more.
  if (node->entrance == SyncNode::Entrance::shut) return answer(key, Answer::ended);
  const bool is_alias = alive.key != key;
  if (!sessions_.look(alive.key, now)) ++statistics_.taken_over;
  sessions_.adopt({alive.key, is_alias ? 0 : question.of.fingerprint, *slot, alive.state,
                   asked - alive.age, asked - alive.place_age, now + alive.left},
                  now);
  if (is_alias) sessions_.alias_remote(key, alive.key, now);
  answer(key, Answer::known);
}

void SessionSync::on_unknown(SessionQuestions::Question& question,
                             const SessionIndex::Unknown& unknown) {
  const SessionKey key = question.of.key;
  if (sessions_.look(key, clock_.now())) return answer(key, Answer::known);
  if (!unknown.knows_us || !whole()) return answer(key, Answer::uncertain);
  const auto created = question.of.created;
  if (created && clock_.now() - *created > kFresh) return answer(key, Answer::ended);
  // The member where it began may be about to tell the index: asked again with the next tick.
  question.last = SessionQuestions::Question::Last::unknown;
}

void SessionSync::check_questions() {
  using Question = SessionQuestions::Question;
  for (const SessionKey& key : questions_.keys()) {
    Question* const question = questions_.find(key);
    if (question == nullptr) continue;
    if (clock_.now() + kTick - question->asked > SessionQuestions::kPatience) {
      // A value without an age that nobody knows is not of a session, however long one waits.
      const bool is_unknown = question->last == Question::Last::unknown && !question->of.created;
      if (question->last == Question::Last::none) {
        statistics_.timed_out += question->askers.size();
      }
      answer(key, is_unknown && whole() ? Answer::ended : Answer::uncertain);
    } else if (question->asking == Question::Asking::not_now && has_joined()) {
      look_up(*question);
    }
  }
}

void SessionSync::answer(const SessionKey& key, Answer answer) {
  const SessionQuestions::Question* const question = questions_.find(key);
  if (question == nullptr) return;
  for (std::size_t i = 0; i < question->askers.size(); ++i) note_answer(answer);
  questions_.answer(key, answer);
}

void SessionSync::note_answer(Answer answer) {
  switch (answer) {
    case Answer::known:
      ++statistics_.known;
      return;
    case Answer::ended:
      ++statistics_.ended;
      return;
    case Answer::uncertain:
      ++statistics_.uncertain;
      return;
  }
}

}  // namespace bonedry::admin::cluster
