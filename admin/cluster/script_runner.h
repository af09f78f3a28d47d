#pragma once

#include "proxy/redis/commands.h"

#include <string>

namespace bonedry::admin::cluster {

/// Runs functions of session_script.lua on the store, and loads it there where it is missing. Used
/// on the main thread.
class ScriptRunner {
 public:
  /// `prefix`: of all keys. `member`: the name of this member. `store` must outlive this.
  ScriptRunner(redis::Commands& store, std::string prefix, std::string member)
      : store_(store), prefix_(std::move(prefix)), member_(std::move(member)) {}

  [[nodiscard]] bool connected() const { return store_.connected(); }
  /// `arguments`: what the function takes from ARGV[4] on. `done` is called exactly once, never
  /// from inside this call. An error reply is an error. Functions may run in another order than
  /// they were called in where the store has lost the script; each can be repeated.
  void run(std::string function, redis::Words arguments, redis::Done done);

 private:
  enum class Attempt { first, last };
  static void send(redis::Commands& store, redis::Words words, Attempt attempt, redis::Done done);

  redis::Commands& store_;
  std::string prefix_;
  std::string member_;
};

}  // namespace bonedry::admin::cluster
