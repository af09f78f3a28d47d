#include "tests/support/any_client.h"

#include <utility>

namespace bonedry::test {
namespace {

class AnyHttp1Client final : public AnyClient {
 public:
  AnyHttp1Client(const std::string& address, const std::optional<TlsClient>& tls)
      : client_(address, tls) {}

  Response exchange(const Request& request, Millis deadline) override {
    return client_.exchange(request, deadline);
  }
  bool usable() override { return client_.usable(); }

  void begin(const Request& request) override {
    method_ = request.method;
    client_.send(request.to_wire());
  }
  void begin_upload(Request request) override {
    is_chunked_ = !request.headers.has("Content-Length");
    if (is_chunked_) request.headers.add("Transfer-Encoding", "chunked");
    if (request.headers.has("TE")) request.headers.add("Connection", "TE");
    begin(request);
  }
  void send(std::string_view bytes) override {
    try {
      client_.send(is_chunked_ ? chunk(bytes) : bytes);
    } catch (const ConnectionReset&) {
      // What the proxy has sent before can still be read.
    }
  }
  void end(const Headers& trailers) override {
    if (is_chunked_) client_.send("0\r\n" + trailers.to_wire() + "\r\n");
  }
  Response read_head() override { return client_.read_head(); }
  Response read_response_into(const BodySink& sink) override {
    try {
      return client_.read_response_into(sink, method_);
    } catch (const TimedOut&) {
      throw;
    } catch (const SocketError&) {
      Response none;
      none.end = BodyEnd::aborted;
      return none;
    }
  }
  void give_up() override { client_.socket().reset(); }
  void cut() override { client_.socket().cut(); }

 private:
  HttpClient client_;
  std::string method_;
  bool is_chunked_ = false;
};

class AnyHttp2Client final : public AnyClient {
 public:
  AnyHttp2Client(const std::string& address, const std::optional<TlsClient>& tls)
      : client_(address, tls) {}

  Response exchange(const Request& request, Millis deadline) override {
    return client_.exchange(request, deadline);
  }
  bool usable() override { return client_.usable(); }

  void begin(const Request& request) override { stream_ = client_.begin(request); }
  void begin_upload(Request request) override { stream_ = client_.begin_upload(request); }
  void send(std::string_view bytes) override { client_.send_data(stream_, bytes); }
  void end(const Headers& trailers) override { client_.end(stream_, trailers); }
  Response read_head() override { return client_.read_head(stream_); }
  Response read_response_into(const BodySink& sink) override {
    return client_.wait_into(sink, stream_);
  }
  void give_up() override { client_.reset(stream_); }
  void cut() override { client_.socket().cut(); }

 private:
  Http2Client client_;
  StreamId stream_ = 0;
};

}  // namespace

Response AnyClient::read_response() {
  std::string body;
  Response response = read_response_into([&body](std::string_view piece) { body += piece; });
  response.body = std::move(body);
  return response;
}

std::unique_ptr<AnyClient> connect_any(const std::string& address, User::Protocol protocol,
                                       const std::optional<TlsClient>& tls) {
  if (protocol == User::Protocol::http1) return std::make_unique<AnyHttp1Client>(address, tls);
  return std::make_unique<AnyHttp2Client>(address, tls);
}

}  // namespace bonedry::test
