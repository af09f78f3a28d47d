#pragma once

#include "proxy/base/read_buffer.h"
#include "proxy/http/body_writer.h"
#include "proxy/http/parser.h"
#include "tests/fuzz/forward.h"
#include "tests/fuzz/target.h"

#include <optional>
#include <string>
#include <vector>

/// One direction of a connection from its first byte to its last, in memory: all its messages, read
/// as a connection reads them and forwarded as an exchange does.
namespace bonedry::fuzz {

/// A message as it was parsed.
struct Message {
  std::string start;  ///< "GET /x" or "200 OK"
  http::FramingKind sent_as = http::FramingKind::none;
  http::FramingKind came_as = http::FramingKind::none;
  std::string body;
  std::string trailers;
};

class Relay {
 public:
  explicit Relay(http::Parser::Kind kind) : parser_(kind) {}
  virtual ~Relay() = default;

  void run(Delivery delivery);

  [[nodiscard]] const std::vector<Message>& complete() const { return complete_; }
  /// The bytes that were forwarded.
  [[nodiscard]] const std::string& forwarded() const { return forwarded_; }
  /// All complete messages in one text.
  [[nodiscard]] std::string transcript() const;
  /// Why the stream ended; a refusal as "400 why".
  [[nodiscard]] const std::string& why() const { return why_; }
  /// Whether the last message was cut off where only a reset of the connection can show it.
  [[nodiscard]] bool ends_with_reset() const;

 protected:
  /// The result of validating a head.
  struct HeadVerdict {
    std::string refusal;  ///< "400 why"; empty: it is forwarded
    Message message;
    http::Framing framing;
    http::Persistence after = http::Persistence::keep_alive;
    enum class Part : std::uint8_t { final, interim } part = Part::final;
  };
  /// Validates the head and forwards it.
  virtual HeadVerdict rule(const http::Head& head, http::HeadSink sink) = 0;

 private:
  enum class State : std::uint8_t { head, body, over };

  void process();
  bool step();
  bool parse_head();
  bool parse_body();
  void finish_message();
  void end(std::string why);
  [[nodiscard]] std::string refusal() const;
  void on_end_of_input();

  BlockPool blocks_;
  http::Parser parser_;
  http::HeadLimits limits_;
  ReadBuffer in_;
  SliceQueue out_;
  http::BodyWriter writer_;
  http::Head head_;
  State state_ = State::head;
  Message message_;
  http::Persistence after_ = http::Persistence::keep_alive;
  std::vector<Message> complete_;
  std::string forwarded_;
  std::string why_;
};

/// Aborts unless both, given the same bytes, have read the same messages.
void require_same_stream(const Relay& found, const Relay& wanted);
/// Aborts unless `second`, given the bytes that `first` forwarded, reads the same messages and no
/// others.
void require_same_messages(const Relay& first, Relay& second);

}  // namespace bonedry::fuzz
