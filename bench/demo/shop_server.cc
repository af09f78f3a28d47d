#include "bench/demo/shop_server.h"

#include "bench/demo/http_parser.h"
#include "bench/demo/stream.h"

#include <netinet/in.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr int kBacklog = 511;

void check(int status, std::uint16_t port) {
  if (status < 0) {
    throw std::runtime_error("127.0.0.1:" + std::to_string(port) + ": " + uv_strerror(status));
  }
}

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    default:
      return "Not Found";
  }
}

/// What happens to the connection after the response.
enum class AfterResponse : std::uint8_t { keep_alive, close };

std::string render(const ShopResponse& response, AfterResponse after) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " +
                     reason_phrase(response.status) + "\r\nContent-Type: " + response.content_type +
                     "\r\nContent-Length: " + std::to_string(response.body.size()) +
                     "\r\nCache-Control: no-store\r\n";
  if (!response.set_cookie.empty()) text += "Set-Cookie: " + response.set_cookie + "\r\n";
  if (after == AfterResponse::close) text += "Connection: close\r\n";
  return text + "\r\n" + response.body;
}

}  // namespace

/// One connection. Owned by the server.
class ShopServer::Connection final : private StreamHandler {
 public:
  explicit Connection(ShopServer& server)
      : server_(server),
        parser_(HTTP_REQUEST, [this](HttpMessage&& request) { respond(request); }),
        stream_(Stream::accept(server.loop_, uv_stream(server), *this)) {}

  [[nodiscard]] bool open() const { return stream_ != nullptr; }

 private:
  static uv_stream_t* uv_stream(ShopServer& server) {
    return reinterpret_cast<uv_stream_t*>(server.listener_.get());
  }

  void stream_data(std::string_view bytes) override {
    if (!parser_.feed(bytes)) server_.closed(*this);
  }
  void stream_ended(int) override { server_.closed(*this); }

  void respond(const HttpMessage& request) {
    std::string cookies;
    for (const std::string& line : request.all("cookie")) {
      cookies += (cookies.empty() ? "" : "; ") + line;
    }
    const ShopResponse response = server_.shop_.respond(request.target, cookies);
    stream_->write(
        render(response, request.keep_alive ? AfterResponse::keep_alive : AfterResponse::close));
    if (!request.keep_alive) stream_->finish();
  }

  ShopServer& server_;
  HttpParser parser_;
  std::unique_ptr<Stream> stream_;
};

ShopServer::ShopServer(Loop& loop, Shop& shop, std::uint16_t port)
    : loop_(loop), shop_(shop), listener_(new uv_tcp_t{}) {
  uv_tcp_init(loop.get(), listener_.get());
  listener_->data = this;
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", port, &address);
  check(uv_tcp_bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), 0), port);
  const auto on_connection = [](uv_stream_t* listener, int status) {
    auto* server = static_cast<ShopServer*>(listener->data);
    if (server != nullptr && status == 0) server->accept();
  };
  check(uv_listen(reinterpret_cast<uv_stream_t*>(listener_.get()), kBacklog, on_connection), port);
}

ShopServer::~ShopServer() = default;

std::uint16_t ShopServer::port() const {
  sockaddr_in address{};
  int size = sizeof address;
  uv_tcp_getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void ShopServer::accept() {
  auto connection = std::make_unique<Connection>(*this);
  if (connection->open()) connections_.emplace(connection.get(), std::move(connection));
}

void ShopServer::closed(Connection& connection) {
  connections_.erase(&connection);
}

}  // namespace bonedry::demo
