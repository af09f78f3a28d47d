#pragma once

#include "admin/cluster/board.h"
#include "admin/cluster/script_runner.h"
#include "proxy/redis/commands.h"

#include <functional>
#include <string>
#include <utility>

namespace bonedry::admin::cluster {

/// The board in the store. An answer that cannot be read is an error: anything may have written
/// what is there. Main thread.
class StoreBoard final : public Board {
 public:
  /// What is known of the connection; empty texts: nothing.
  struct Connection {
    std::function<std::string()> run;       ///< of the server that is connected
    std::function<std::string()> why_lost;  ///< why none is
  };

  /// `store` must outlive this; see ScriptRunner.
  StoreBoard(redis::Commands& store, std::string prefix, std::string member, Connection connection)
      : script_(store, std::move(prefix), std::move(member)), connection_(std::move(connection)) {}

  [[nodiscard]] bool is_there() const override { return script_.connected(); }
  [[nodiscard]] std::string why_lost() const override { return connection_.why_lost(); }
  void exchange(const Post& post, std::function<void(Result<Reading>)> done) override;

 private:
  ScriptRunner script_;
  Connection connection_;
};

}  // namespace bonedry::admin::cluster
