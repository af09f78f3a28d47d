#include "tests/support/http2_node.h"
#include "tests/support/http2_node_connection.h"
#include "tests/support/nghttp2_calls.h"

#include <utility>

namespace bonedry::test {
namespace {

Headers head_fields(int status, const Headers& headers) {
  Headers fields{{":status", std::to_string(status)}};
  for (const auto& [name, value] : headers) fields.add(name, value);
  return fields;
}

}  // namespace

Http2NodeExchange::Http2NodeExchange(Http2Node& node, Http2NodeConnection& connection,
                                     std::shared_ptr<Http2NodeStream> stream)
    : node_(node),
      connection_(connection),
      stream_(std::move(stream)),
      request_(connection_.state_of(*stream_)) {}

const std::string& Http2NodeExchange::node_name() const {
  return node_.name();
}

Headers Http2NodeExchange::with_node(const Headers& headers) const {
  Headers all{{"X-Node", node_name()}};
  for (const auto& [name, value] : headers) all.add(name, value);
  return all;
}

NodeBody Http2NodeExchange::read_body(Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  while (!receive(Response::kKeptBody, left(until)).empty()) {
  }
  return connection_.state_of(*stream_).body;
}

std::string Http2NodeExchange::receive(std::size_t size, Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  const auto something_came = [this] {
    return !stream_->arrived.empty() || stream_->request.body.end != BodyEnd::none;
  };
  std::string all;
  while (all.size() < size) {
    if (!connection_.wait(*stream_, something_came, left(until))) {
      throw TimedOut("the body does not come");
    }
    const std::string piece = connection_.take(*stream_, size - all.size());
    if (piece.empty()) return all;
    all += piece;
  }
  return all;
}

bool Http2NodeExchange::wait_for_bytes(std::uint64_t size, Millis deadline) const {
  return connection_.wait(
      *stream_, [this, size] { return stream_->request.body.size >= size; }, deadline);
}

std::optional<std::string> Http2NodeExchange::wait_for_reset(Millis deadline) {
  const TestTime until = TestClock::now() + deadline;
  const auto reset_or_data = [this] {
    return !stream_->request.reset.empty() || !stream_->arrived.empty();
  };
  while (connection_.wait(*stream_, reset_or_data, left(until))) {
    const Http2NodeRequest now = connection_.state_of(*stream_);
    if (!now.reset.empty()) return now.reset;
    if (now.is_closed) throw UnexpectedEnd("the connection is lost");
    (void)connection_.take(*stream_, Response::kKeptBody);
  }
  return std::nullopt;
}

void Http2NodeExchange::respond(int status, std::string_view body, const Headers& headers,
                                const Headers& trailers) {
  Headers all = headers;
  if (trailers.empty()) all.add("Content-Length", std::to_string(body.size()));
  const bool is_head = request_.method == "HEAD";
  if (is_head || (body.empty() && trailers.empty())) return send_head_only(status, all);
  send_head(status, all);
  connection_.resume(*stream_, [&](Http2Output& output) {
    output.add(body);
    output.ends = true;
    output.trailers = trailers;
  });
}

void Http2NodeExchange::send_interim(int status, const Headers& headers) {
  connection_.change(*stream_, [&](nghttp2_session* session) {
    const Headers fields = head_fields(status, headers);
    const auto all = to_name_values(fields);
    check_nghttp2(nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, request_.stream, nullptr,
                                         all.data(), all.size(), nullptr),
                  "interim response");
  });
}

void Http2NodeExchange::send_head(int status, const Headers& headers) {
  connection_.respond(*stream_, head_fields(status, with_node(headers)));
}

void Http2NodeExchange::send_head_only(int status, const Headers& headers) {
  connection_.respond_without_body(*stream_, head_fields(status, with_node(headers)));
}

void Http2NodeExchange::send_data(std::string_view bytes, Millis deadline) {
  connection_.resume(*stream_, [bytes](Http2Output& output) { output.add(bytes); });
  const auto all_sent = [this] { return stream_->output.unsent() == 0; };
  if (!connection_.wait(*stream_, all_sent, deadline)) throw TimedOut("no window for the body");
}

void Http2NodeExchange::end(const Headers& trailers) {
  connection_.resume(*stream_, [&trailers](Http2Output& output) {
    output.ends = true;
    output.trailers = trailers;
  });
}

void Http2NodeExchange::reset(std::string_view code) {
  // nghttp2 sends a RST_STREAM before DATA.
  const auto all_sent = [this] { return !stream_->output.ends || stream_->output.is_over; };
  if (!connection_.wait(*stream_, all_sent, kDeadline)) throw TimedOut("no window for the body");
  connection_.reset(*stream_, code);
}

void Http2NodeExchange::goaway(StreamId last, std::string_view code) {
  connection_.goaway(last, code);
}

void Http2NodeExchange::close_connection() {
  connection_.close_after_output();
}

}  // namespace bonedry::test
