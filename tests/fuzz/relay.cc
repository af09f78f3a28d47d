#include "tests/fuzz/relay.h"

#include <cstring>
#include <utility>

namespace bonedry::fuzz {

using http::FramingKind;
using http::ParseStatus;
using http::Persistence;

namespace {

std::string description(const Message& message) {
  return message.start + "\n" + message.body + "\n" + message.trailers + "\n";
}

}  // namespace

void Relay::run(Delivery delivery) {
  while (state_ != State::over) {
    const std::size_t limit = state_ == State::head ? limits_.bytes : BlockPool::kBlockSize;
    const auto room = in_.room(blocks_, limit);
    const std::string_view piece = delivery.next(room.size());
    if (piece.empty()) return on_end_of_input();
    std::memcpy(room.data(), piece.data(), piece.size());
    in_.filled(piece.size());
    process();
    forwarded_ += drain(out_);
  }
}

void Relay::process() {
  while (step()) {
  }
}

bool Relay::step() {
  if (state_ == State::head) return !in_.empty() && parse_head();
  if (state_ == State::body) return parse_body();
  return false;
}

bool Relay::parse_head() {
  const ParseStatus status = parser_.parse_head(in_.data(), in_.size(), limits_, head_);
  if (status == ParseStatus::more) return false;
  if (status == ParseStatus::failed) {
    end(refusal());
    return false;
  }
  head_.block = in_.block();
  in_.consume(head_.size);
  HeadVerdict ruling = rule(head_, {out_, blocks_});
  if (!ruling.refusal.empty()) {
    end(std::move(ruling.refusal));
    return false;
  }
  message_ = std::move(ruling.message);
  message_.came_as = ruling.framing.kind;
  after_ = ruling.after;
  if (ruling.part == HeadVerdict::Part::interim) {
    finish_message();
    return true;
  }
  parser_.expect_body(ruling.framing);
  state_ = State::body;
  return true;
}

bool Relay::parse_body() {
  if (in_.empty() && message_.came_as != FramingKind::none) return false;
  http::BodyPieces pieces;
  std::size_t used = 0;
  const ParseStatus status = parser_.parse_body(in_.data(), in_.size(), pieces, used);
  if (status == ParseStatus::failed) {
    end(refusal());
    return false;
  }
  for (const http::Span& span : pieces.all()) message_.body.append(in_.data() + span.at, span.size);
  writer_.start(message_.sent_as);
  if (pieces.bytes > 0) writer_.write(in_.block(), in_.data(), pieces, {out_, blocks_});
  in_.consume(used);
  if (status != ParseStatus::complete) return !in_.empty();
  finish_message();
  return true;
}

void Relay::finish_message() {
  // Trailers need chunked coding; without it they are dropped.
  if (message_.sent_as == FramingKind::chunked) {
    message_.trailers = parser_.trailers();
    writer_.start(FramingKind::chunked);
    writer_.end(message_.trailers, {out_, blocks_});
  }
  complete_.push_back(std::exchange(message_, {}));
  head_.clear();
  parser_.start();
  state_ = State::head;
  if (after_ == Persistence::close) end("closed");
}

void Relay::end(std::string why) {
  state_ = State::over;
  why_ = std::move(why);
}

void Relay::on_end_of_input() {
  if (state_ == State::body && parser_.ends_at_close()) {
    finish_message();
    forwarded_ += drain(out_);
  }
  if (state_ != State::over) end(state_ == State::body ? "cut within a body" : "ended");
}

std::string Relay::transcript() const {
  std::string text;
  for (const Message& message : complete_) text += description(message);
  return text;
}

std::string Relay::refusal() const {
  return std::to_string(parser_.refusal().status) + " " + parser_.refusal().why;
}

bool Relay::ends_with_reset() const {
  return message_.sent_as == FramingKind::until_close;
}

void require_same_stream(const Relay& found, const Relay& wanted) {
  require_equal(found.transcript(), wanted.transcript(), "messages do not depend on the pieces");
  require_same_verdict(found.why(), wanted.why());
}

void require_same_messages(const Relay& first, Relay& second) {
  second.run({"", first.forwarded()});
  const auto& sent = first.complete();
  const auto& read = second.complete();
  const std::size_t cut = first.ends_with_reset() ? 1 : 0;
  require(read.size() == sent.size() || read.size() == sent.size() + cut,
          "as many messages go on as have come");
  for (std::size_t i = 0; i < sent.size(); ++i) {
    require_equal(description(read[i]), description(sent[i]), "a message goes on as it came");
    require(read[i].came_as == sent[i].sent_as, "a message is framed as is said");
  }
}

}  // namespace bonedry::fuzz
