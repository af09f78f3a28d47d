#include "tests/support/http2_node.h"

#include "tests/support/http2_node_connection.h"
#include "tests/support/story_tls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace bonedry::test {

std::optional<TlsServer> story_http2_node_tls() {
  std::optional<TlsServer> tls = story_node_tls();
  if (tls) tls->alpn = {"h2"};
  return tls;
}

Http2Node::Http2Node(std::string name, const Http2NodeSettings& settings)
    : server_(std::move(name),
              [this](Socket& socket, std::size_t number) { serve(socket, number); }) {
  configure(settings);
  start();
}

Http2Node::~Http2Node() {
  stop();
  for (const std::string& each : violations_) {
    ADD_FAILURE() << "to node " << name() << ", HTTP/2 was broken: " << each;
  }
}

void Http2Node::configure(const Http2NodeSettings& settings) {
  if (settings.tls) server_.serve_tls(*settings.tls);
  const std::lock_guard lock{mutex_};
  settings_ = settings;
}

Http2NodeSettings Http2Node::settings() const {
  const std::lock_guard lock{mutex_};
  return settings_;
}

void Http2Node::on(const std::string& path, Http2Handler handler) {
  const std::lock_guard lock{mutex_};
  handlers_[path] = std::move(handler);
}

void Http2Node::goaway_every(std::size_t requests) {
  goaway_every_ = requests;
}

void Http2Node::goaway() {
  const std::lock_guard lock{mutex_};
  for (Http2NodeConnection* const each : open_) each->ask_for_goaway();
}

void Http2Node::serve(Socket& socket, std::size_t number) {
  const Http2NodeSettings now = settings();
  if (now.tls && socket.alpn() != "h2") {
    if (socket.wait_readable(NodeServer::kIdle) && !socket.receive_all().empty()) {
      note_violation("bytes of a peer that has not got HTTP/2 by ALPN");
    }
    return;
  }
  Http2NodeConnection connection{*this, socket, number, now};
  {
    const std::lock_guard lock{mutex_};
    open_.push_back(&connection);
  }
  const auto leave = [this, &connection] {
    const std::lock_guard lock{mutex_};
    std::erase(open_, &connection);
  };
  try {
    connection.run();
  } catch (...) {
    leave();
    throw;
  }
  leave();
}

Http2Node::Noted Http2Node::note(const Http2NodeRequest& request) {
  Noted noted{kKeptRequests, answer_plainly_http2};
  {
    const std::lock_guard lock{mutex_};
    ++requests_;
    ++counts_[request.path()];
    ++by_connection_[request.connection];
    if (seen_.size() < kKeptRequests) {
      noted.record = seen_.size();
      seen_.push_back(request);
    }
    const auto found = handlers_.find(request.path());
    if (found != handlers_.end() && found->second) noted.handler = found->second;
  }
  request_came_.notify_all();
  return noted;
}

void Http2Node::update(std::size_t record, const Http2NodeRequest& request) {
  const std::lock_guard lock{mutex_};
  if (record < seen_.size()) seen_[record] = request;
}

void Http2Node::note_streams(std::size_t open) {
  std::size_t most = most_streams_;
  while (most < open && !most_streams_.compare_exchange_weak(most, open)) {
  }
}

void Http2Node::note_violation(const std::string& what) {
  const std::lock_guard lock{mutex_};
  violations_.push_back(what);
}

std::size_t Http2Node::requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}

std::size_t Http2Node::requests_for(std::string_view path) const {
  const std::lock_guard lock{mutex_};
  const auto found = counts_.find(path);
  return found == counts_.end() ? 0 : found->second;
}

std::map<std::size_t, std::size_t> Http2Node::requests_by_connection() const {
  const std::lock_guard lock{mutex_};
  return by_connection_;
}

std::vector<Http2NodeRequest> Http2Node::seen() const {
  const std::lock_guard lock{mutex_};
  return seen_;
}

Http2NodeRequest Http2Node::last(std::string_view path) const {
  const std::lock_guard lock{mutex_};
  const auto found = std::find_if(seen_.rbegin(), seen_.rend(),
                                  [path](const auto& request) { return request.path() == path; });
  if (found == seen_.rend()) {
    throw std::runtime_error(name() + " was never asked for " + std::string{path});
  }
  return *found;
}

bool Http2Node::wait_for(std::string_view path, std::size_t count, Millis deadline) const {
  std::unique_lock lock{mutex_};
  return request_came_.wait_until(lock, TestClock::now() + deadline, [&] {
    const auto found = counts_.find(path);
    return found != counts_.end() && found->second >= count;
  });
}

std::vector<std::string> Http2Node::take_violations() {
  const std::lock_guard lock{mutex_};
  return std::exchange(violations_, {});
}

void answer_plainly_http2(Http2NodeExchange& exchange) {
  const NodeBody body = exchange.read_body();
  if (body.end == BodyEnd::aborted) return;
  exchange.respond(200, default_answer(exchange.node_name(), exchange.request(), body),
                   {{"Content-Type", "application/json"}});
}

}  // namespace bonedry::test
