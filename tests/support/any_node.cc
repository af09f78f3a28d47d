#include "tests/support/any_node.h"

#include <memory>
#include <type_traits>
#include <utility>

namespace bonedry::test {
namespace {

class Http1Exchange final : public AnyExchange {
 public:
  explicit Http1Exchange(NodeExchange& exchange) : exchange_(exchange) {}

  const NodeRequest& request() const override { return exchange_.request(); }
  NodeBody read_body() override { return exchange_.read_body(); }
  void respond(int status, std::string_view body, const Headers& headers) override {
    exchange_.respond(status, body, headers);
  }
  void send_interim(int status, const Headers& headers) override {
    exchange_.send("HTTP/1.1 " + std::to_string(status) + " Interim\r\n" + headers.to_wire() +
                   "\r\n");
  }
  void send_head_only(int status, const Headers& headers) override {
    exchange_.send(exchange_.head(status, headers));
  }
  void send_head(int status, const Headers& headers) override {
    is_chunked_ = !headers.has("Content-Length");
    Headers all = headers;
    if (is_chunked_) all.add("Transfer-Encoding", "chunked");
    exchange_.send(exchange_.head(status, all));
  }
  void send_head_of_last(int status, const Headers& headers) override {
    exchange_.close_after();
    exchange_.send(exchange_.head(status, headers));
  }
  void send(std::string_view bytes) override {
    if (is_chunked_ && bytes.empty()) return;  // it would be the last chunk
    if (is_chunked_) return exchange_.send(chunk(bytes));
    exchange_.send(bytes);
  }
  void end(const Headers& trailers) override {
    if (is_chunked_) exchange_.send("0\r\n" + trailers.to_wire() + "\r\n");
  }
  void close() override { exchange_.close_after(); }
  void reset() override { exchange_.reset(); }
  bool is_given_up() override {
    exchange_.close_after();
    return exchange_.peer_went();
  }

 private:
  NodeExchange& exchange_;
  bool is_chunked_ = false;
};

/// A request of HTTP/2 with the fields that one of HTTP/1.1 has.
NodeRequest with_host(const Http2NodeRequest& request) {
  NodeRequest whole = request;
  whole.version = "HTTP/2";
  whole.headers.add("Host", request.pseudo.get(":authority"));
  return whole;
}

class Http2Exchange final : public AnyExchange {
 public:
  explicit Http2Exchange(Http2NodeExchange& exchange)
      : exchange_(exchange), request_(with_host(exchange.request())) {}

  const NodeRequest& request() const override { return request_; }
  NodeBody read_body() override { return exchange_.read_body(); }
  void respond(int status, std::string_view body, const Headers& headers) override {
    exchange_.respond(status, body, headers);
  }
  void send_interim(int status, const Headers& headers) override {
    exchange_.send_interim(status, headers);
  }
  void send_head_only(int status, const Headers& headers) override {
    exchange_.send_head_only(status, headers);
  }
  void send_head(int status, const Headers& headers) override {
    exchange_.send_head(status, headers);
  }
  void send_head_of_last(int status, const Headers& headers) override {
    exchange_.send_head(status, headers);
  }
  void send(std::string_view bytes) override { exchange_.send_data(bytes); }
  void end(const Headers& trailers) override { exchange_.end(trailers); }
  void close() override { exchange_.close_connection(); }
  void reset() override { exchange_.reset("INTERNAL_ERROR"); }
  bool is_given_up() override {
    try {
      return exchange_.wait_for_reset().has_value();
    } catch (const UnexpectedEnd&) {
      return true;  // the connection is closed
    }
  }

 private:
  Http2NodeExchange& exchange_;
  const NodeRequest request_;
};

}  // namespace

AnyNode::Node AnyNode::make(std::string name, User::Protocol protocol,
                            std::optional<TlsServer> tls) {
  const bool is_http1 = protocol == User::Protocol::http1;
  if (tls) tls->alpn = {is_http1 ? "http/1.1" : "h2"};
  if (is_http1) return Node{std::in_place_type<FakeNode>, std::move(name), tls};
  return Node{std::in_place_type<Http2Node>, std::move(name), Http2NodeSettings{.tls = tls}};
}

AnyNode::AnyNode(std::string name, User::Protocol protocol, std::optional<TlsServer> tls)
    : node_(make(std::move(name), protocol, std::move(tls))) {}

const std::string& AnyNode::name() const {
  return std::visit([](const auto& node) -> const std::string& { return node.name(); }, node_);
}

const std::string& AnyNode::address() const {
  return std::visit([](const auto& node) -> const std::string& { return node.address(); }, node_);
}

void AnyNode::on(const std::string& path, AnyHandler handler) {
  if (auto* const http1 = std::get_if<FakeNode>(&node_)) {
    http1->on(path, [handler = std::move(handler)](NodeExchange& exchange) {
      Http1Exchange any{exchange};
      handler(any);
    });
  } else {
    std::get<Http2Node>(node_).on(path,
                                  [handler = std::move(handler)](Http2NodeExchange& exchange) {
                                    Http2Exchange any{exchange};
                                    handler(any);
                                  });
  }
}

void AnyNode::stop() {
  std::visit([](auto& node) { node.stop(); }, node_);
}

void AnyNode::start() {
  std::visit([](auto& node) { node.start(); }, node_);
}

void AnyNode::die() {
  std::visit([](auto& node) { node.die(); }, node_);
}

std::size_t AnyNode::requests_for(std::string_view path) const {
  return std::visit([path](const auto& node) { return node.requests_for(path); }, node_);
}

bool AnyNode::wait_for(std::string_view path, std::size_t count) const {
  return std::visit([&](const auto& node) { return node.wait_for(path, count); }, node_);
}

NodeRequest AnyNode::last(std::string_view path) const {
  if (const auto* const http1 = std::get_if<FakeNode>(&node_)) return http1->last(path);
  return with_host(std::get<Http2Node>(node_).last(path));
}

}  // namespace bonedry::test
