#pragma once

#include "proxy/base/clock.h"
#include "session/ledger.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace bonedry::session {

/// A session that one member of a cluster asks the others for, because a cookie says that it may
/// exist.
struct SessionQuestion {
  SessionKey key;
  CookieFingerprint fingerprint = 0;  ///< of the cookie that came; 0 in sticky mode learn
  std::optional<NodeSlot> named;      ///< the node that the cookie names, if it is in the pool
  std::optional<Instant> created;     ///< when the session began, by the cookie
};

enum class Answer : std::uint8_t {
  known,      ///< the ledger has it now, where the other members have it: look it up again
  ended,      ///< it is over, for all members
  uncertain,  ///< no answer in time, or the members do not know all sessions: it may be alive
};

/// What the other members of the cluster know of sessions. One for each worker; used on its thread.
class RemoteSessions {
 public:
  virtual ~RemoteSessions() = default;
  /// `answered` is called once, on this thread, and never from inside `ask`. It is called in
  /// bounded time even if nobody answers (Answer::uncertain): until then the question counts as
  /// open.
  virtual void ask(const SessionQuestion& question, std::function<void(Answer)> answered) = 0;
  /// The others hear at once, instead of a moment later, what has happened to sessions here. May be
  /// called for each response.
  virtual void tell_soon() = 0;
};

/// What one request asks the other members, and what they have answered. The first look-up of the
/// request's cookies collects the questions, a second one goes by the answers and asks nothing.
class SessionInquiry {
 public:
  /// More genuine cookies than that are not a browser's doing: see `answer_to`.
  static constexpr std::size_t kMaxQuestions = 4;

  /// Adds a question, unless there is one with its key or there are as many as there may be.
  void add(const SessionQuestion& question);
  /// While it is open: drops all questions but the one about this session.
  void narrow(const SessionKey& key);
  [[nodiscard]] std::span<const SessionQuestion> questions() const {
    return {questions_.data(), count_};
  }
  /// No more questions are added. Those without an answer have Answer::uncertain until one comes.
  void close() { stage_ = Stage::closed; }
  [[nodiscard]] bool is_open() const { return stage_ == Stage::open; }
  void note(std::size_t question, Answer answer) { answers_[question] = answer; }
  /// Nothing: that session was not asked for, so the ledger decides alone.
  [[nodiscard]] std::optional<Answer> answer_to(const SessionKey& key) const;

 private:
  enum class Stage : std::uint8_t { open, closed };

  std::array<SessionQuestion, kMaxQuestions> questions_{};
  std::array<Answer, kMaxQuestions> answers_{Answer::uncertain, Answer::uncertain,
                                             Answer::uncertain, Answer::uncertain};
  std::size_t count_ = 0;
  Stage stage_ = Stage::open;
};

}  // namespace bonedry::session
