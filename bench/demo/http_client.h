#pragma once

#include "bench/demo/http_parser.h"
#include "bench/demo/loop.h"
#include "bench/demo/stream.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace bonedry::demo {

/// The result of a request: a response, or why there is none.
struct HttpResult {
  enum class Failure : std::uint8_t {
    none,             ///< `response` is complete
    not_connected,    ///< the server cannot have seen the request
    connection_lost,  ///< the connection ended before the response, or inside it
    not_http,         ///< what came is no HTTP
    no_answer,        ///< the client gave up
  };

  HttpMessage response;
  Failure failure = Failure::none;
};

/// A client that does one GET at a time, on a connection that it keeps as long as the server
/// allows. It never retries: a request without a response is an error.
class HttpClient final : private StreamHandler {
 public:
  using Callback = std::function<void(const HttpResult&)>;

  /// Connects to 127.0.0.1:`port`.
  HttpClient(Loop& loop, std::uint16_t port);

  /// Calls `callback` once, possibly from inside this call, and not at all after `disconnect` or
  /// the client's destruction. `cookies` is the value of the Cookie header, left out when empty.
  void get(const std::string& target, const std::string& cookies, Callback callback);
  /// Drops the connection and any request in progress.
  void disconnect();

 private:
  void stream_connected() override { connected_ = true; }
  void stream_data(std::string_view bytes) override;
  void stream_ended(int error) override;
  void connect();
  void finish(const HttpResult& result);

  Loop& loop_;
  std::uint16_t port_;
  std::unique_ptr<Stream> stream_;
  bool connected_ = false;  // of `stream_`
  std::unique_ptr<HttpParser> parser_;
  std::optional<HttpMessage> response_;
  Callback callback_;
};

}  // namespace bonedry::demo
