#include "admin/cluster/script_runner.h"

#include "admin/cluster/session_script.h"

#include <iterator>
#include <utility>

namespace bonedry::admin::cluster {

using redis::Reply;

void ScriptRunner::run(std::string function, redis::Words arguments, redis::Done done) {
  redis::Words words{
      "EVALSHA", std::string(session_script_sha1()), "0", std::move(function), prefix_, member_};
  words.insert(words.end(), std::make_move_iterator(arguments.begin()),
               std::make_move_iterator(arguments.end()));
  send(store_, std::move(words), Attempt::first, std::move(done));
}

void ScriptRunner::send(redis::Commands& store, redis::Words words, Attempt attempt,
                        redis::Done done) {
  if (attempt == Attempt::last) {
    return store.send(std::move(words), [done = std::move(done)](Result<Reply> reply) {
      const bool failed = reply && reply->kind == Reply::Kind::error;
      done(failed ? Result<Reply>(Failure{reply->text}) : std::move(reply));
    });
  }
  redis::Words again = words;
  store.send(std::move(words), [&store, again = std::move(again),
                                done = std::move(done)](Result<Reply> reply) mutable {
    if (!reply || reply->kind != Reply::Kind::error) return done(std::move(reply));
    if (!reply->text.starts_with("NOSCRIPT")) return done(Failure{reply->text});
    store.send({"SCRIPT", "LOAD", std::string(session_script())}, [](const Result<Reply>&) {});
    send(store, std::move(again), Attempt::last, std::move(done));
  });
}

}  // namespace bonedry::admin::cluster
