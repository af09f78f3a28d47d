// A chunked body: parsed in pieces, framed again, parsed again.
#include "proxy/http/head_writer.h"
#include "proxy/http/parser.h"
#include "tests/fuzz/forward.h"
#include "tests/fuzz/head_check.h"

#include <array>
#include <cstring>
#include <memory>

namespace bonedry::fuzz {
namespace {

using http::FramingKind;
using http::Parser;
using http::ParseStatus;

constexpr std::string_view kHead =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::size_t kTrailerBytes = 512;  // small, so that inputs reach it

class ReadBody {
 public:
  explicit ReadBody(Delivery delivery) {
    http::Head head;
    const http::HeadLimits limits{kTrailerBytes, 16};
    status = parser_.parse_head(kHead.data(), kHead.size(), limits, head);
    require(status == ParseStatus::complete, "a head of ours is complete");
    parser_.expect_body({FramingKind::chunked, 0});
    status = ParseStatus::more;
    while (status == ParseStatus::more) {
      const std::string_view piece = delivery.next();
      if (piece.empty()) return;
      read(piece);
    }
  }

  [[nodiscard]] std::string verdict() const {
    if (status == ParseStatus::complete) return "complete, " + std::to_string(used) + " bytes";
    if (status == ParseStatus::more) return "incomplete";
    return std::to_string(parser_.refusal().status) + " " + parser_.refusal().why;
  }
  [[nodiscard]] const std::string& trailers() const { return parser_.trailers(); }

  ParseStatus status = ParseStatus::more;
  std::size_t used = 0;
  std::string body;
  std::string framed;  // the body as it is sent, without the last chunk

 private:
  void read(std::string_view piece) {
    // Memory that ends with the piece and is writable, because the parser writes to it.
    const auto memory = std::make_unique<char[]>(piece.size());
    std::memcpy(memory.get(), piece.data(), piece.size());
    http::BodyPieces pieces;
    std::size_t taken = 0;
    status = parser_.parse_body(memory.get(), piece.size(), pieces, taken);
    if (status == ParseStatus::failed) return;
    require(taken <= piece.size(), "no more is used than was given");
    require(status != ParseStatus::more || taken == piece.size(),
            "all is used before more is wanted");
    used += taken;
    keep({memory.get(), taken}, pieces);
  }

  void keep(std::string_view text, const http::BodyPieces& pieces) {
    const std::size_t before = body.size();
    std::size_t end = 0;
    require(pieces.count <= http::BodyPieces::kMax, "pieces are few");
    for (const http::Span& span : pieces.all()) {
      require(span.at >= end && span.at + span.size <= text.size(), "pieces follow each other");
      end = span.at + span.size;
      body += text.substr(span.at, span.size);
    }
    require(body.size() - before == pieces.bytes, "pieces are as long as is said");
    if (pieces.bytes > 0) framed += chunk(std::string_view(body).substr(before));
  }

  static std::string chunk(std::string_view data) {
    SliceQueue queue;
    BlockPool blocks;
    http::write_chunk_line(data.size(), {queue, blocks});
    return drain(queue) + std::string(data) + "\r\n";
  }

  Parser parser_{Parser::Kind::request};
};

void require_same(const ReadBody& found, const ReadBody& wanted) {
  require_equal(found.body, wanted.body, "a body is the same, however it comes");
  require_equal(found.trailers(), wanted.trailers(), "and its trailers are");
}

}  // namespace

int fuzz_one(Input input) {
  const Delivery delivery(input);
  const ReadBody read(delivery.whole());
  const ReadBody in_pieces(delivery);
  require_same_verdict(in_pieces.verdict(), read.verdict());
  if (read.status == ParseStatus::failed) return 0;
  require_same(in_pieces, read);
  require_field_lines(read.trailers());
  if (read.status == ParseStatus::more) return 0;
  const std::string text = in_pieces.framed + "0\r\n" + read.trailers() + "\r\n";
  const ReadBody again({"", text});
  require(again.status == ParseStatus::complete && again.used == text.size(),
          "what goes on is one body");
  require_same(again, read);
  return 0;
}

}  // namespace bonedry::fuzz
