#include "proxy/http2_output.h"

#include "proxy/http/body_writer.h"
#include "proxy/http/request_fields.h"

#include <algorithm>
#include <utility>

namespace bonedry::proxy {
namespace {

// Frames that wait for the socket: enough for it to stay busy, little enough that a stream with a
// higher priority soon gets its turn.
constexpr std::size_t kMaxQueued = std::size_t{64} * 1024;
// A window for all streams that is enough for what each may have queued: what an exchange sends
// before it is paused.
constexpr std::size_t kAmpleWindow = std::size_t{100} * 2 * BlockPool::kBlockSize;

}  // namespace

// -- The connection's output ----------------------------------------------------------------------

io::IoStatus Http2Output::write_to(io::Transport& transport) {
  promised_ = 0;
  while (true) {
    session_.produce(frames_, blocks_, kMaxQueued);
    for (const Reset& reset : std::exchange(resets_, {})) session_.reset(reset.id, reset.code);
    session_.produce(frames_, blocks_, kMaxQueued);
    if (frames_.empty()) return io::IoStatus::done;
    const std::size_t before = frames_.bytes();
    const io::IoStatus status = transport.write(frames_, io::Push::now);
    sent_bytes_ += before - frames_.bytes();
    if (status != io::IoStatus::done) return status;
  }
}

Http2Output::Promise Http2Output::promise(http2::StreamId id, std::size_t bytes) {
  if (bytes == 0) return Promise::given;
  const std::size_t window = session_.connection_window();
  // Others that wait may come first.
  const std::size_t before = window < kAmpleWindow ? backlog_ : 0;
  const bool fits = bytes <= session_.stream_window(id) && promised_ + before + bytes <= window;
  if (!fits) return Promise::no_window;
  if (!frames_.empty() || promised_ + bytes > kMaxQueued) return Promise::no_room;
  promised_ += bytes;
  return Promise::given;
}

void Http2Output::tell_progress() {
  // What is noted within this is told the next time.
  const std::size_t count = sent_.size();
  for (std::size_t told = 0; told < count; ++told) {
    Http2Body* const body = std::exchange(sent_[told], nullptr);
    if (body == nullptr) continue;
    body->noted_ = Http2Body::Noted::no;
    body->owner_.on_body_sent();
  }
  sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Http2Output::clear() {
  frames_.clear();
  resets_.clear();
}

// -- One stream's body ----------------------------------------------------------------------------

void Http2Body::add(const BodySlices& body) {
  if (body.bytes() == 0) return;
  http::BodyWriter plain;
  plain.start(http::FramingKind::length);
  body.write_to(plain, http::HeadSink{bytes_, output_.blocks_});
}

void Http2Body::add(std::string_view text) {
  bytes_.push_copy(output_.blocks_, text);
}

void Http2Body::end(std::string_view trailers) {
  trailer_lines_ = trailers;
  end_ = http2::End::yes;
}

Flow Http2Body::flush(http2::StreamId id, Counter& stalls) {
  output_.session_.resume_body(id);
  const bool is_all = bytes_.empty() && end_ == http2::End::no;
  const std::size_t bytes = is_all ? 0 : std::max<std::size_t>(bytes_.bytes(), 1);
  switch (output_.promise(id, bytes)) {
    case Http2Output::Promise::given:
      wait_ = Wait::none;
      break;
    case Http2Output::Promise::no_room:
      wait_ = Wait::room;
      break;
    case Http2Output::Promise::no_window:
      if (wait_ != Wait::window) stalls.add();
      wait_ = Wait::window;
      break;
  }
  count_backlog(wait_ == Wait::none ? 0 : bytes_.bytes());
  return wait_ == Wait::none ? Flow::open : Flow::congested;
}

bool Http2Body::take_relief() {
  if (wait_ == Wait::none || !bytes_.empty()) return false;
  wait_ = Wait::none;
  return true;
}

void Http2Body::move(std::size_t size, SliceQueue& to) {
  bytes_.move_front(size, output_.blocks_, to);
  count_backlog(std::min(backlog_, bytes_.bytes()));
  note_sent();
}

std::span<const http2::FieldView> Http2Body::trailers() {
  trailer_fields_.clear();
  http::each_line(trailer_lines_, [this](std::string_view name, std::string_view value) {
    trailer_fields_.push_back({name, value});
  });
  return trailer_fields_;
}

void Http2Body::drop() {
  bytes_.clear();
  end_ = http2::End::no;
  trailer_lines_.clear();
  count_backlog(0);
}

void Http2Body::stop() {
  drop();
  if (noted_ == Noted::yes) std::ranges::replace(output_.sent_, this, nullptr);
  noted_ = Noted::no;
}

void Http2Body::note_sent() {
  if (std::exchange(noted_, Noted::yes) == Noted::no) output_.sent_.push_back(this);
}

void Http2Body::count_backlog(std::size_t bytes) {
  if (bytes != backlog_) output_.backlog_ += bytes - std::exchange(backlog_, bytes);
}

}  // namespace bonedry::proxy
