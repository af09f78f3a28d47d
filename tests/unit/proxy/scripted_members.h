#pragma once

#include "session/remote_sessions.h"

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace bonedry::proxy::test {

/// The other members of a cluster, who answer when the test says so.
class ScriptedMembers final : public session::RemoteSessions {
 public:
  std::vector<session::SessionQuestion> asked;
  int told = 0;

  void ask(const session::SessionQuestion& question,
           std::function<void(session::Answer)> answered) override {
    asked.push_back(question);
    answers_.push_back(std::move(answered));
  }
  void tell_soon() override { ++told; }
  void answer(std::size_t question, session::Answer answer) {
    std::exchange(answers_.at(question), nullptr)(answer);
  }

 private:
  std::vector<std::function<void(session::Answer)>> answers_;
};

}  // namespace bonedry::proxy::test
