#pragma once

#include "admin/cluster/outgoing_changes.h"
#include "proxy/base/clock.h"
#include "session/remote_sessions.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

namespace bonedry::admin::cluster {

/// The questions of workers that have no answer yet, one for each session. Owned by SessionSync.
class SessionQuestions {
 public:
  using Answered = std::function<void(session::Answer)>;
  static constexpr Millis kTimeout{100};  // workers wait hardly longer
  static constexpr std::size_t kMaxKeys = 10'000;
  static constexpr std::size_t kMaxAskers = 64;  // of one key

  struct Question {
    session::SessionQuestion of;
    Instant asked;
    /// Whether an answer of the index is under way, and what the last one was.
    enum class Asking : std::uint8_t { now, not_now } asking = Asking::not_now;
    enum class Last : std::uint8_t { none, unknown } last = Last::none;
    /// Whether the index may be asked again.
    enum class Looks : std::uint8_t { go_on, over } looks = Looks::go_on;
    std::vector<Answered> askers;
  };

  enum class Added : std::uint8_t {
    first,    ///< the index must be asked
    another,  ///< the question of this key that is there already will answer it
    refused,  ///< there are too many
  };
  Added add(const session::SessionQuestion& question, Instant now, Answered answered);
  [[nodiscard]] Question* find(const session::SessionKey& key);
  /// Answers all that ask for this key. No question is there any longer when they hear it.
  void answer(const session::SessionKey& key, session::Answer answer);
  /// The keys of all questions.
  [[nodiscard]] std::vector<session::SessionKey> keys() const;
  [[nodiscard]] std::size_t size() const { return questions_.size(); }

 private:
  std::unordered_map<session::SessionKey, Question, SessionKeyHash> questions_;
};

}  // namespace bonedry::admin::cluster
