#pragma once

#include "proxy/base/block.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/io/deferred.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/redis/backoff.h"
#include "proxy/redis/commands.h"
#include "proxy/redis/connection.h"
#include "proxy/redis/connector.h"
#include "proxy/redis/pace.h"
#include "proxy/redis/sentinel_search.h"
#include "proxy/redis/settings.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::redis {

/// A client of the store, a Redis or Valkey server: one connection, which is opened again whenever
/// it is lost. It is used only while the server is what a store must be: the primary, new enough,
/// and one that evicts nothing; this is looked at again each second (see Pace). Owned by an object
/// of the main loop, and not destroyed from inside its own calls; what is unanswered then is
/// dropped. Loop's thread.
///
///   waiting --> searching --> greeting --> connected        searching: only with sentinels
///      ^____________\____________\____________/
class Client final : public Commands, private Connection::Owner {
 public:
  /// How long a reply may take, once those before it have come.
  static constexpr Millis kTimeout{2000};
  /// Of commands without a reply. With a store that takes none, a member with many sessions must
  /// not fill its memory in the time until that is noticed, which is `kTimeout`.
  static constexpr std::size_t kMaxUnanswered = 16UL * 1024 * 1024;

  class Handler {
   public:
    /// The store can be used. `run_id` has changed if it is another server, or one that has been
    /// started again.
    virtual void on_connected() = 0;
    /// The store cannot be used, and is tried again. `why`: a line for people. While it is lost,
    /// called again if the reason changes. What was sent and not answered has been told before.
    virtual void on_lost(const std::string& why) = 0;

   protected:
    ~Handler() = default;
  };

  /// `loop` and `handler` outlive this. Throws std::runtime_error if OpenSSL refuses the settings.
  Client(io::EventLoop& loop, Settings settings, Handler& handler, Pace pace = {});
  ~Client() override;

  /// Begins to connect. Call once.
  void start();

  [[nodiscard]] bool connected() const override;
  /// Also refused while `kMaxUnanswered` bytes wait for replies.
  void send(Words words, Done done) override;

  /// Of the server that is or was connected last, in its present life; empty before.
  [[nodiscard]] const std::string& run_id() const { return run_id_; }
  /// Host and port or the path of the server in use, or tried last; empty before.
  [[nodiscard]] std::string address() const;

 private:
  enum class State : std::uint8_t { waiting, searching, greeting, connected };

  struct Refused {
    Done done;
    std::string why;
  };

  [[nodiscard]] std::optional<std::string> problem_in(const std::string& error) override;
  void on_broken(const std::string& why) override;

  void begin();
  void connect(const ServerAddress& address);
  void on_greeted(Reply reply);
  void check();
  void on_checked(const Reply& info);
  void lose(const std::string& why);
  void drop_connection();
  void refuse(Done done, std::string why);
  void tell_refused();

  io::EventLoop& loop_;
  const Settings settings_;
  const Pace pace_;
  Handler& handler_;
  BlockPool blocks_;
  Connector connector_;
  std::optional<SentinelSearch> search_;  // nullopt: the settings have the address
  std::unique_ptr<Connection> connection_;
  State state_ = State::waiting;
  std::optional<ServerAddress> address_;
  std::string run_id_;
  std::vector<Reply> greeted_;           // so far
  std::optional<std::string> told_why_;  // the reason that the handler knows, while lost
  Instant connected_since_;
  Backoff backoff_;
  io::Timer retry_;
  io::Timer check_;
  std::vector<Refused> refused_;
  io::Deferred tell_refused_;
};

}  // namespace bonedry::redis
