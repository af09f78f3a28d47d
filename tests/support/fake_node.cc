#include "tests/support/fake_node.h"

#include "tests/support/checksum.h"
#include "tests/support/story_tls.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace bonedry::test {
namespace {

MessageReader::Framing framing_of(const NodeRequest& request) {
  MessageReader::Framing framing;
  framing.chunked = request.headers.has_token("Transfer-Encoding", "chunked");
  if (request.headers.has("Content-Length")) {
    framing.length = std::stoull(request.headers.get("Content-Length"));
  }
  return framing;
}

NodeRequest parse_request(const MessageHead& head, std::size_t connection) {
  NodeRequest request;
  const std::string& line = head.start_line;
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string::npos || first == last) throw SocketError("no request: " + line);
  request.raw_head = head.raw;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  request.version = line.substr(last + 1);
  request.headers = head.headers;
  request.connection = connection;
  return request;
}

}  // namespace

const std::string& NodeExchange::node_name() const {
  return node_.name();
}

const NodeBody& NodeExchange::read_body() {
  if (body_) return *body_;
  NodeBody body;
  Sha256 digest;
  const BodySink keep = [&](std::string_view piece) {
    digest.update(piece);
    body.size += piece.size();
    const std::size_t room = Response::kKeptBody - body.text.size();
    body.text.append(piece.substr(0, std::min(room, piece.size())));
  };
  body.end = reader_.read_body(framing_of(request_), keep, body.trailers);
  body.sha256 = digest.hex();
  if (body.end == BodyEnd::aborted) keep_open_ = false;
  body_ = std::move(body);
  return *body_;
}

void NodeExchange::send_byte_by_byte(std::string_view raw) {
  for (const char byte : raw) socket_.send_all({&byte, 1});
}

std::string NodeExchange::head(int status, const Headers& headers) const {
  return "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nX-Node: " + node_name() + "\r\n" +
         headers.to_wire() + "\r\n";
}

void NodeExchange::respond(int status, std::string_view body, const Headers& headers) {
  Headers all = headers;
  all.add("Content-Length", std::to_string(body.size()));
  send(head(status, all) + (request_.method == "HEAD" ? "" : std::string{body}));
}

void NodeExchange::reset() {
  keep_open_ = false;
  // The descriptor stays open for a thread that may shut it down.
  socket_.reset_at_close();
}

bool NodeExchange::peer_went(Millis deadline) {
  const TestTime start = TestClock::now();
  char away[65536];
  try {
    while (elapsed_since(start) < deadline) {
      if (socket_.receive(away, sizeof away, deadline) == 0) return true;
    }
    return false;
  } catch (const TimedOut&) {
    return false;
  } catch (const SocketError&) {
    return true;
  }
}

FakeNode::FakeNode(std::string name) : FakeNode(std::move(name), story_node_tls()) {}

FakeNode::FakeNode(std::string name, const std::optional<TlsServer>& tls)
    : server_(std::move(name),
              [this](Socket& socket, std::size_t number) { serve(socket, number); }) {
  if (tls) serve_tls(*tls);
  start();
}

void FakeNode::on(const std::string& path, Handler handler) {
  const std::lock_guard lock{mutex_};
  handlers_[path] = std::move(handler);
}

void FakeNode::serve(Socket& socket, std::size_t number) {
  MessageReader reader{socket};
  for (bool keep_open = true; keep_open;) {
    const auto head = reader.read_head(NodeServer::kIdle);
    if (!head) return;
    NodeRequest request = parse_request(*head, number);
    const Handler handler = note(request);
    NodeExchange exchange{*this, std::move(request), socket, reader};
    handler(exchange);
    if (exchange.keep_open()) (void)exchange.read_body();
    keep_open =
        exchange.keep_open() && !exchange.request().headers.has_token("Connection", "close");
  }
}

Handler FakeNode::note(const NodeRequest& request) {
  Handler handler = answer_plainly;
  {
    const std::lock_guard lock{mutex_};
    ++requests_;
    ++counts_[request.path()];
    if (seen_.size() < kKeptRequests) seen_.push_back(request);
    const auto found = handlers_.find(request.path());
    if (found != handlers_.end() && found->second) handler = found->second;
  }
  request_came_.notify_all();
  return handler;
}

std::size_t FakeNode::requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}

std::size_t FakeNode::requests_for(std::string_view path) const {
  const std::lock_guard lock{mutex_};
  const auto found = counts_.find(path);
  return found == counts_.end() ? 0 : found->second;
}

std::map<std::string, std::size_t, std::less<>> FakeNode::counts() const {
  const std::lock_guard lock{mutex_};
  return counts_;
}

std::vector<NodeRequest> FakeNode::seen() const {
  const std::lock_guard lock{mutex_};
  return seen_;
}

NodeRequest FakeNode::last(std::string_view path) const {
  const std::lock_guard lock{mutex_};
  const auto found = std::find_if(seen_.rbegin(), seen_.rend(), [path](const NodeRequest& request) {
    return request.path() == path;
  });
  if (found == seen_.rend()) {
    throw std::runtime_error(name() + " was never asked for " + std::string{path});
  }
  return *found;
}

bool FakeNode::wait_for(std::string_view path, std::size_t count, Millis deadline) const {
  std::unique_lock lock{mutex_};
  return request_came_.wait_until(lock, TestClock::now() + deadline, [&] {
    const auto found = counts_.find(path);
    return found != counts_.end() && found->second >= count;
  });
}

std::string default_answer(const std::string& node, const NodeRequest& request,
                           const NodeBody& body) {
  std::string cookies;  // HTTP/2 may have several fields
  for (const std::string& each : request.headers.all("Cookie")) {
    cookies += (cookies.empty() ? "" : "; ") + each;
  }
  const nlohmann::json answer = {
      {"node", node},      {"method", request.method}, {"target", request.target},
      {"cookie", cookies}, {"size", body.size},        {"sha256", body.sha256},
  };
  return answer.dump();
}

void answer_plainly(NodeExchange& exchange) {
  const NodeBody& body = exchange.read_body();
  if (body.end == BodyEnd::aborted) return;
  exchange.respond(200, default_answer(exchange.node_name(), exchange.request(), body),
                   {{"Content-Type", "application/json"}});
}

Handler answering(std::string raw) {
  return [raw = std::move(raw)](NodeExchange& exchange) {
    (void)exchange.read_body();
    exchange.send(raw);
  };
}

Handler answering_and_closing(std::string raw) {
  return [raw = std::move(raw)](NodeExchange& exchange) {
    (void)exchange.read_body();
    exchange.send(raw);
    exchange.close_after();
  };
}

}  // namespace bonedry::test
