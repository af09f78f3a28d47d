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
  // A cookie with an age names its node: who is in doubt goes there. Without, he would be moved.
  const auto created = question.of.created;
  if (created && (!unknown.knows_us || !whole())) return answer(key, Answer::uncertain);
  if (created && clock_.now() - *created > kFresh) return answer(key, Answer::ended);
  question.last = SessionQuestions::Question::Last::unknown;
  if (question.looks == SessionQuestions::Question::Looks::over) return give_up(question);
  // The member where it began may be about to tell the index: asked again with the next tick.
}

/// Members tell the index what has begun with their next tick. So the answer of the last look-up,
/// which begins when that has passed, is worth waiting for; one that the store has owed since the
/// tick before is not.
void SessionSync::check_questions() {
  using Question = SessionQuestions::Question;
  for (const SessionKey& key : questions_.keys()) {
    Question* const question = questions_.find(key);
    if (question == nullptr) continue;
    const bool is_late = clock_.now() + kTick - question->asked > SessionQuestions::kTimeout;
    const bool may_look = question->asking == Question::Asking::not_now &&
                          question->looks == Question::Looks::go_on && has_joined();
    if (may_look) {
      if (is_late) question->looks = Question::Looks::over;
      look_up(*question);
    } else if (is_late) {
      give_up(*question);
    }
  }
}

void SessionSync::give_up(const SessionQuestions::Question& question) {
  using Question = SessionQuestions::Question;
  // A value without an age that nobody knows is not of a session, however long one waits.
  const bool is_unknown = question.last == Question::Last::unknown && !question.of.created;
  if (question.last == Question::Last::none) statistics_.timed_out += question.askers.size();
  answer(question.of.key, is_unknown && whole() ? Answer::ended : Answer::uncertain);
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
