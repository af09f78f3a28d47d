#pragma once

#include "admin/access/tokens.h"
#include "admin/command_client.h"
#include "admin/commands.h"
#include "admin/http_door/command_request.h"
#include "admin/http_door/request.h"
#include "admin/http_door/response.h"
#include "admin/http_door/same_origin.h"
#include "admin/http_door/status_feed.h"
#include "proxy/base/block.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin::http_door {

/// Where an exchange sends its response. Implemented by the connection.
class ResponseSink {
 public:
  /// The whole response.
  virtual void send(const Response& response) = 0;
  /// The head of a stream, which `end_stream` ends.
  virtual void begin_stream(const Response& head) = 0;
  /// Adds to the stream, which has begun. Several events in one iteration of the event loop leave
  /// together. A client that does not read loses its connection.
  virtual void send_event(std::string_view event) = 0;
  /// The same with an event that many connections share.
  virtual void send_shared(const Slice& event) = 0;
  /// Whether the client has not read what was sent last.
  [[nodiscard]] virtual bool is_behind() const = 0;
  virtual void end_stream() = 0;

 protected:
  ~ResponseSink() = default;
};

/// What all exchanges of the door share; it outlives them.
struct ExchangeParts {
  Commands& commands;
  ControlPlane& control;
  StatusFeed& feed;
  Reach reach = Reach::loopback;
  /// Why the process does not serve new users; empty: it does.
  std::function<std::string()> not_serving = [] { return std::string(); };
  std::string description = {};  ///< see `openapi`
  /// Set once another process has the door: this one has only old figures.
  std::optional<CommandError> left = {};
};

/// Who is at the other end of a connection.
struct Sender {
  access::Peer peer = access::Peer::other;
  std::string name;  ///< "192.0.2.7", or a user
};

/// One request to the door and its response. Owned by its connection, main thread only.
class Exchange final : public CommandClient, private StatusFeed::Subscriber {
 public:
  Exchange(const ExchangeParts& parts, Request request, Sender sender, ResponseSink& sink)
      : parts_(parts), request_(std::move(request)), sender_(std::move(sender)), sink_(sink) {}
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Begins the response; it may be complete when this returns.
  void answer();
  /// Ends a response that is not complete with an error.
  void fail(const CommandError& why);
  /// Whether the end of the client's side means that nobody waits for the response.
  [[nodiscard]] bool ends_with_client() const { return waits_ == Waits::long_time; }
  [[nodiscard]] bool is_complete() const { return state_ == State::complete; }

  [[nodiscard]] access::Peer peer() const override { return sender_.peer; }
  [[nodiscard]] std::string user_name() const override { return sender_.name; }
  void add(const CommandAnswer& answer, Format format) override;
  void refuse(const CommandError& error) override;
  void finish() override;

 private:
  enum class State : std::uint8_t { pending, streaming, complete };
  enum class Waits : std::uint8_t { not_long, long_time };

  void on_status(const Slice& event) override;
  void on_pool_gone(const CommandError& why) override;

  [[nodiscard]] bool is_from_elsewhere(Purpose purpose);
  [[nodiscard]] bool is_admitted();
  /// Whether the client of a stream may still have it: a reload may have taken its token away.
  [[nodiscard]] bool may_go_on();
  void answer_ready();
  void answer_metrics();
  void answer_page();
  void answer_command();
  void run(CommandRequest command);
  void follow_events(CommandLine& line) const;
  void begin_stream();
  void subscribe(const CommandLine& line);
  void send(const Response& response);
  void send(const Problem& problem) { send(to_response(problem)); }
  [[nodiscard]] bool reads() const {
    return request_.method == Method::get || request_.method == Method::head;
  }
  [[nodiscard]] Shown shown() const { return request_.token() ? Shown::token : Shown::no_token; }

  const ExchangeParts& parts_;
  Request request_;
  Sender sender_;
  ResponseSink& sink_;
  State state_ = State::pending;
  Waits waits_ = Waits::not_long;
  Delivery delivery_ = Delivery::document;
  std::string document_;                 // what has been added
  std::optional<CommandLine> streamed_;  // what a stream was asked for
  std::unique_ptr<PendingCommand> task_;
};

}  // namespace bonedry::admin::http_door
