// Frames of a client, after its preface: in pieces they mean the same as in one.
#include "proxy/http2/server_session.h"
#include "tests/fuzz/target.h"

#include <map>
#include <memory>
#include <string>

namespace bonedry::fuzz {
namespace {

using http2::End;
using http2::ErrorCode;
using http2::StreamId;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Notes what it is told, and sends a short response to each request.
class Stream final : public http2::StreamEvents {
 public:
  Stream(http2::ServerSession& session, BlockPool& blocks, StreamId id)
      : session_(session), blocks_(blocks), id_(id) {}

  void on_field(std::string_view name, std::string_view value) override {
    notes_.append(name).append("=").append(value).append("\n");
  }
  void on_head(End end) override {
    notes_ += end == End::yes ? "head and end\n" : "head\n";
    const std::array<http2::FieldView, 1> fields{{{":status", "200"}}};
    body_.push_copy(blocks_, "a body");
    session_.send_head(id_, fields, End::no);
  }
  void on_data(std::string_view bytes) override {
    data_ += bytes;
    session_.give_back(id_, bytes.size());
  }
  void on_end() override { notes_ += "end\n"; }
  void on_closed(ErrorCode code, http2::EndedBy /*by*/) override {
    notes_ += "closed " + std::to_string(static_cast<unsigned>(code)) + "\n";
    require(!closed_, "a stream ends once");
    closed_ = true;
  }
  [[nodiscard]] std::size_t waiting() const override { return body_.bytes(); }
  void move_body(std::size_t size, SliceQueue& to) override { body_.move_front(size, blocks_, to); }
  [[nodiscard]] End body_end() const override { return End::yes; }
  [[nodiscard]] std::span<const http2::FieldView> trailers() override { return {}; }
  void on_sent_end() override {}

  [[nodiscard]] std::string notes() const { return notes_ + data_; }

 private:
  http2::ServerSession& session_;
  BlockPool& blocks_;
  const StreamId id_;
  std::string notes_;
  std::string data_;
  SliceQueue body_;
  bool closed_ = false;
};

/// A session that gets the bytes of a delivery; what it writes is read only at the end, since that
/// may depend on the pieces.
class Server final : private http2::ServerEvents {
 public:
  explicit Server(Delivery delivery) : session_(*this, {}, memory_) {
    bool goes_on = session_.receive(kPreface, Instant{1});
    for (auto piece = delivery.next(); goes_on && !piece.empty(); piece = delivery.next()) {
      goes_on = session_.receive(piece, Instant{1});
    }
    session_.produce(out_, blocks_, kMost);
    require(out_.bytes() < kMost, "what is written is bounded");
  }
  [[nodiscard]] std::string notes() const {
    std::string all;
    for (const auto& [id, stream] : streams_) all += std::to_string(id) + "\n" + stream->notes();
    return all;
  }

 private:
  // An acknowledgement of each frame, and a response to each request, of 64 KiB.
  static constexpr std::size_t kMost = std::size_t{4} << 20U;

  http2::StreamEvents* on_request(StreamId id) override {
    if (streams_.size() >= 100) return nullptr;
    require(!streams_.contains(id), "an id is used once");
    return (streams_[id] = std::make_unique<Stream>(session_, blocks_, id)).get();
  }
  void on_pong() override {}

  BlockPool blocks_;
  http2::SessionMemory memory_;
  SliceQueue out_;
  std::map<StreamId, std::unique_ptr<Stream>> streams_;
  http2::ServerSession session_;
};

}  // namespace

int fuzz_one(Input input) {
  const Delivery delivery(input);
  const Server whole(delivery.whole());
  const Server in_pieces(delivery);
  require_equal(in_pieces.notes(), whole.notes(), "the pieces do not matter");
  return 0;
}

}  // namespace bonedry::fuzz
