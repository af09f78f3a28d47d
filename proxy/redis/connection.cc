#include "proxy/redis/connection.h"

#include "proxy/redis/command_text.h"
#include "proxy/redis/reply_problem.h"

#include <cassert>
#include <cerrno>
#include <utility>

namespace bonedry::redis {

using io::IoStatus;
using io::Ready;

namespace {

std::string seconds_text(Millis time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

Connection::Connection(io::EventLoop& loop, BlockPool& blocks, io::TransportSource transport,
                       Peer peer, Owner& owner)
    : blocks_(blocks),
      owner_(owner),
      peer_(std::move(peer)),
      transport_(loop, std::move(transport)),
      flush_(loop, [this] { flush(); }),
      timeout_(loop.timers(), [this] { on_timeout(); }) {
  transport_->attach(*this);
  transport_->want(Ready::write);
}

void Connection::send(const Words& words, Done done) {
  assert(state_ != State::closed && !words.empty());
  const std::size_t before = out_.bytes();
  write_command(words, blocks_, out_);
  const std::size_t bytes = out_.bytes() - before;
  unanswered_ += bytes;
  pending_.push_back({std::move(done), bytes});
  if (!timeout_.armed()) timeout_.arm(peer_.timeout);
  flush_.schedule();
}

void Connection::close() {
  state_ = State::closed;
  flush_.cancel();
  timeout_.disarm();
  transport_.reset();
  out_.clear();
  pending_.clear();
  unanswered_ = 0;
}

void Connection::give_up(const std::string& why) {
  if (state_ == State::closed) return;
  const std::string line = peer_.name + ": " + why;
  std::deque<Pending> pending = std::move(pending_);
  close();
  for (const Pending& each : pending) each.done(Failure{line});
  owner_.on_broken(line);
}

// -- Events ---------------------------------------------------------------------------------------

void Connection::on_ready(Ready ready) {
  if (state_ == State::opening) return open();
  if (has(ready, Ready::read)) read();
  if (state_ == State::open && has(ready, Ready::write)) flush();
}

void Connection::on_watch_failed(int error) {
  give_up(io::shortage_text(error));
}

void Connection::on_timeout() {
  const std::string limit = seconds_text(peer_.timeout);
  if (state_ == State::open) return give_up("no answer within " + limit);
  give_up((peer_.wire == Wire::tls ? "no TLS connection within " : "no connection within ") +
          limit);
}

void Connection::open() {
  const IoStatus status = transport_->open();
  if (status == IoStatus::would_block) return transport_->want(Ready::write);
  if (status != IoStatus::done) return give_up(transport_->error_text());
  state_ = State::open;
  flush();
}

/// A server that refuses a client may say so, and close before it has read anything: then writing
/// fails while its words wait to be read.
void Connection::flush() {
  if (state_ != State::open) return;
  if (writing_ == Writing::fine) {
    const IoStatus status = transport_->write(out_, io::Push::now);
    if (status != IoStatus::done && status != IoStatus::would_block) writing_ = Writing::broken;
  }
  if (writing_ == Writing::broken) out_.clear();
  transport_->want(out_.empty() ? Ready::read : Ready::both);
}

void Connection::read() {
  const BlockRef block = blocks_.take();
  const io::ReadResult result = transport_->read({block->data(), block->capacity()});
  switch (result.status) {
    case IoStatus::done:
      return on_bytes({block->data(), result.size});
    case IoStatus::would_block:
      return flush();  // after an error it is no longer watched for anything
    case IoStatus::closed:
    case IoStatus::truncated:
      return on_end("closed the connection");
    case IoStatus::failed:
    case IoStatus::refused:
      return on_end(how_it_failed());
  }
}

/// Whether a server that closes resets the connection depends on what it has read by then: one
/// reason, not two by turns.
std::string Connection::how_it_failed() const {
  if (transport_->error() == ECONNRESET) return "closed the connection";
  return "broke the connection: " + transport_->error_text();
}

void Connection::on_end(const std::string& how) {
  if (heard_ == Heard::replies) return give_up("it " + how);
  const std::string kind = peer_.wire == Wire::plain ? "server without TLS?" : "server?";
  give_up("it " + how + " before it answered; is it a Redis or Valkey " + kind);
}

// -- Replies --------------------------------------------------------------------------------------

void Connection::on_bytes(std::string_view bytes) {
  reader_.feed(bytes);
  Reply reply;
  while (state_ == State::open) {
    switch (reader_.next(reply)) {
      case ReplyReader::Status::complete:
        on_reply(std::move(reply));
        break;
      case ReplyReader::Status::more:
        return flush();  // see `read`
      case ReplyReader::Status::malformed:
        return give_up(malformed(bytes));
      case ReplyReader::Status::too_large:
        return give_up("its reply is larger than 64 MiB");
    }
  }
}

std::string Connection::malformed(std::string_view bytes) const {
  if (heard_ == Heard::replies) return "it sent something that is no reply";
  return foreign_program(bytes);
}

void Connection::on_reply(Reply reply) {
  heard_ = Heard::replies;
  if (pending_.empty()) return give_up("it sent a reply that nobody has asked for");
  if (reply.kind == Reply::Kind::error) {
    const auto problem = owner_.problem_in(reply.text);
    if (problem) return give_up(*problem);
  }
  const Pending first = std::move(pending_.front());
  pending_.pop_front();
  unanswered_ -= first.bytes;
  pending_.empty() ? timeout_.disarm() : timeout_.arm(peer_.timeout);
  first.done(std::move(reply));
}

}  // namespace bonedry::redis
