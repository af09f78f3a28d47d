// Frames of a node, after its SETTINGS: in pieces they mean the same as in one, and what a client
// of HTTP/1 gets of its responses is the same responses, and no others.
#include "proxy/http/body_writer.h"
#include "proxy/http2/client_session.h"
#include "proxy/http2/response_builder.h"
#include "tests/fuzz/forward.h"
#include "tests/fuzz/head_check.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::fuzz {
namespace {

using http::BodyLength;
using http::FramingKind;
using http::RequestKind;
using http2::End;
using http2::ErrorCode;

// Small, so that inputs reach them.
constexpr http::HeadLimits kLimits{2048, 16};
// A written head has a few more fields than the received one.
constexpr http::HeadLimits kWrittenLimits{8192, 32};
// SETTINGS, and the acknowledgement of ours.
constexpr std::string_view kGreeting("\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0", 18);

/// How a body goes on, as in DownstreamConnection.
http::Framing framing_for(const http::Body& body, Client client) {
  switch (body.length) {
    case BodyLength::none:
      return {};
    case BodyLength::known:
      return {FramingKind::length, body.bytes};
    case BodyLength::unknown:
      break;
  }
  return {client == Client::http_1_0 ? FramingKind::until_close : FramingKind::chunked, 0};
}

http::ResponseWriteOptions options_for(const http::Head& head, const http::ResponseFacts& facts,
                                       RequestKind kind, Client client) {
  using Length = http::ResponseWriteOptions::Length;
  http::ResponseWriteOptions options;
  options.framing = framing_for(facts.body, client).kind;
  options.to_http_1_0 = client == Client::http_1_0;
  const bool none = facts.body.length == BodyLength::none;
  if (none && http::needs_zero_length(head, kind)) options.length = Length::zero;
  if (options.framing == FramingKind::until_close) options.persistence = http::Persistence::close;
  return options;
}

/// That the text is one head which says the same as the received one.
void check_text(const http::Head& head, const http::Framing& framing, RequestKind kind,
                const std::string& text) {
  const StrictHead strict(text);
  require_one_framing(strict, framing);
  require_fields_kept(head, strict);
  const ReadHead again(http::Parser::Kind::response, kWrittenLimits, {"", text});
  require_equal(again.refusal(), "", "HTTP/1.1 accepts it");
  require(again.head.size == text.size(), "what goes on is one head");
  require(again.head.status == head.status, "the status is the same");
  const auto understood = http::validate_response(again.head, kind);
  require_equal(understood ? "" : understood.error(), "", "what goes on is fit to be forwarded");
  require(understood->framing.kind == framing.kind && understood->framing.length == framing.length,
          "and so is the end of its body");
}

void check_head(const http::Head& head, const http::ResponseFacts& facts, RequestKind kind) {
  for (const Client client : {Client::http_1_1, Client::http_1_0}) {
    SliceQueue queue;
    BlockPool blocks;
    if (facts.interim) {
      http::write_interim_head(head, {queue, blocks});
    } else {
      http::write_response_head(head, options_for(head, facts, kind, client), {queue, blocks});
    }
    check_text(head, framing_for(facts.body, client), kind, drain(queue));
  }
}

/// That a client which reads the end of a chunked body finds these trailers, and nothing more.
void check_trailers(const std::string& lines) {
  require_field_lines(lines);
  SliceQueue queue;
  BlockPool blocks;
  http::BodyWriter writer;
  writer.start(FramingKind::chunked);
  writer.end(lines, {queue, blocks});
  std::string text = drain(queue);
  http::Head head;
  http::Parser parser(http::Parser::Kind::response);
  constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  require(parser.parse_head(kHead.data(), kHead.size(), kWrittenLimits, head) ==
              http::ParseStatus::complete,
          "a head before it");
  parser.expect_body({FramingKind::chunked, 0});
  http::BodyPieces pieces;
  std::size_t used = 0;
  require(parser.parse_body(text.data(), text.size(), pieces, used) == http::ParseStatus::complete,
          "trailers end a body");
  require(used == text.size() && pieces.bytes == 0, "and nothing follows them");
  require_equal(parser.trailers(), lines, "they go on as they are");
}

/// One request of ours. Checks what it gets, and notes it.
class Stream final : public http2::StreamEvents {
 public:
  Stream(RequestKind kind, http2::ResponseBuilder& builder, BlockPool& blocks)
      : kind_(kind), builder_(builder), blocks_(blocks) {}

  void begin(http2::ClientSession& session, End end) {
    session_ = &session;
    const std::string_view method = kind_ == RequestKind::head ? "HEAD" : "POST";
    const std::array<http2::FieldView, 4> fields{
        {{":method", method}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}};
    id_ = session.send_request(fields, end, *this).value_or(0);
    require(id_ != 0, "there is an id");
  }

  void on_field(std::string_view name, std::string_view value) override {
    require(phase_ != Phase::closed, "a stream that has ended gets nothing");
    if (phase_ == Phase::body) return trailers_.add(kLimits, name, value);
    if (!in_head_) builder_.start(kLimits, head_);
    in_head_ = true;
    builder_.add(name, value);
  }
  void on_head(End end) override {
    if (phase_ == Phase::body) return on_trailers(end);
    if (!in_head_) return;
    in_head_ = false;
    const auto facts = builder_.finish(end, kind_, blocks_);
    if (!facts) return note(std::string("bad: ") + facts.error());
    note(std::to_string(head_.status) + " " + std::string(head_.base, head_.size));
    check_head(head_, *facts, kind_);
    if (facts->interim) return;
    body_ = facts->body;
    phase_ = Phase::body;
    if (end == End::yes) on_end();
  }
  void on_data(std::string_view bytes) override {
    data_ += bytes;
    session_->give_back(id_, bytes.size());
    require(!body_ || body_->length != BodyLength::known || data_.size() <= body_->bytes,
            "a body is no longer than its head says");
    require(!body_ || body_->length != BodyLength::none || data_.empty(), "or there is none");
  }
  void on_end() override {
    require(!ended_, "a response ends once");
    ended_ = true;
    note("end");
    require(!body_ || data_.size() == body_->bytes || body_->length == BodyLength::unknown,
            "a body is as long as its head says");
  }
  void on_closed(ErrorCode code, http2::EndedBy by) override {
    require(phase_ != Phase::closed, "a stream ends once");
    phase_ = Phase::closed;
    note("closed " + std::to_string(static_cast<unsigned>(code)) + " by " +
         std::to_string(static_cast<int>(by)));
  }
  [[nodiscard]] std::size_t waiting() const override { return 0; }
  void move_body(std::size_t /*size*/, SliceQueue& /*to*/) override {}
  [[nodiscard]] End body_end() const override { return End::no; }
  [[nodiscard]] std::span<const http2::FieldView> trailers() override { return {}; }
  void on_sent_end() override {}

  /// How much of a body comes before its error depends on the pieces.
  [[nodiscard]] std::string notes() const { return ended_ ? notes_ + data_ : notes_; }

 private:
  enum class Phase : std::uint8_t { head, body, closed };

  void on_trailers(End end) {
    require(end == End::yes, "trailers are the last of a response");
    note(trailers_.error() != nullptr ? trailers_.error() : trailers_.lines());
    if (trailers_.error() == nullptr) check_trailers(trailers_.lines());
    on_end();
  }
  void note(const std::string& what) { notes_ += what + "\n"; }

  const RequestKind kind_;
  http2::ResponseBuilder& builder_;
  BlockPool& blocks_;
  http2::ClientSession* session_ = nullptr;
  http2::StreamId id_ = 0;
  Phase phase_ = Phase::head;
  bool in_head_ = false;
  bool ended_ = false;
  http::Head head_;
  std::optional<http::Body> body_;
  http2::ResponseTrailers trailers_;
  std::string notes_;
  std::string data_;
};

/// A client with four streams: 1 and 7 are all sent, 3 is a HEAD, 5 has a body that does not end.
class Node final : private http2::ClientEvents {
 public:
  explicit Node(Delivery delivery) : session_(*this, limits(), memory_) {
    for (const RequestKind kind :
         {RequestKind::other, RequestKind::head, RequestKind::other, RequestKind::other}) {
      streams_.push_back(std::make_unique<Stream>(kind, builder_, blocks_));
      streams_.back()->begin(session_, streams_.size() == 3 ? End::no : End::yes);
    }
    session_.produce(out_, blocks_, kMost);
    bool goes_on = session_.receive(kGreeting, Instant{1});
    for (auto piece = delivery.next(); goes_on && !piece.empty(); piece = delivery.next()) {
      goes_on = session_.receive(piece, Instant{1});
    }
    // Only at the end, since what is written may depend on the pieces.
    session_.produce(out_, blocks_, kMost);
    require(out_.bytes() < kMost, "what is written is bounded");
  }
  [[nodiscard]] std::string notes() const {
    std::string all = notes_;
    for (const auto& stream : streams_) all += "--\n" + stream->notes();
    return all;
  }

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 20U;

  static http2::ClientLimits limits() {
    http2::ClientLimits limits;
    limits.header_block = 4 * kLimits.bytes;
    return limits;
  }
  /// Whether another follows depends on the pieces: a session without streams takes no more of
  /// them.
  void on_goaway(ErrorCode code) override {
    if (notes_.empty()) notes_ = "goaway " + std::to_string(static_cast<unsigned>(code)) + "\n";
  }

  BlockPool blocks_;
  http2::SessionMemory memory_;
  SliceQueue out_;
  http2::ResponseBuilder builder_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::string notes_;
  http2::ClientSession session_;
};

}  // namespace

int fuzz_one(Input input) {
  const Delivery delivery(input);
  const Node whole(delivery.whole());
  const Node in_pieces(delivery);
  require_equal(in_pieces.notes(), whole.notes(), "the pieces do not matter");
  return 0;
}

}  // namespace bonedry::fuzz
