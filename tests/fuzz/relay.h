#pragma once

#include "proxy/base/read_buffer.h"
#include "proxy/http/body_writer.h"
#include "proxy/http/parser.h"
#include "tests/fuzz/forward.h"
#include "tests/fuzz/target.h"

#include <optional>
#include <string>
#include <vector>

/// One side of a connection from its first byte to its last, through memory: all messages of it,
/// read as a connection reads them and sent on as an exchange does.
namespace bonedry::fuzz {

/// A message as it was understood.
struct Message {
  std::string start;  ///< "GET /x" or "200 OK"
  http::BodyKind sent_as = http::BodyKind::none;
  http::BodyKind came_as = http::BodyKind::none;
  std::string body;
  std::string trailers;
};

class Relay {
 public:
  explicit Relay(http::Parser::Kind kind) : parser_(kind) {}
  virtual ~Relay() = default;

  void run(Delivery delivery);

  [[nodiscard]] const std::vector<Message>& complete() const { return complete_; }
  /// What goes on.
  [[nodiscard]] const std::string& forwarded() const { return forwarded_; }
  /// All complete messages in one text.
  [[nodiscard]] std::string transcript() const;
  /// Why it ended; a refusal as "400 why".
  [[nodiscard]] const std::string& why() const { return why_; }
  /// Whether the last message was cut where only a reset of the connection can tell.
  [[nodiscard]] bool ends_with_reset() const;

 protected:
  /// What becomes of a head.
  struct Ruling {
    std::string refusal;  ///< "400 why"; empty: it goes on
    Message message;
    http::Framing framing;
    http::Persistence after = http::Persistence::keep_alive;
    enum class Part : std::uint8_t { final, interim } part = Part::final;
  };
  /// Judges the head and sends it on.
  virtual Ruling rule(const http::Head& head, http::HeadSink sink) = 0;

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

  ChunkPool chunks_;
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

/// Aborts unless both, which were given the same bytes, saw the same in them.
void require_same_stream(const Relay& found, const Relay& wanted);
/// Aborts unless what `first` sent on reads, for `second`, as the same messages and no other one.
void require_same_messages(const Relay& first, Relay& second);

}  // namespace bonedry::fuzz
