#include "bench/demo/http_client.h"

#include <utility>

namespace bonedry::demo {

HttpClient::HttpClient(Loop& loop, std::uint16_t port) : loop_(loop), port_(port) {}

void HttpClient::connect() {
  parser_ = std::make_unique<HttpParser>(
      HTTP_RESPONSE, [this](HttpMessage&& response) { response_ = std::move(response); });
  connected_ = false;
  stream_ = Stream::connect_tcp(loop_, port_, *this);
}

void HttpClient::get(const std::string& target, const std::string& cookies, Callback callback) {
  callback_ = std::move(callback);
  response_.reset();
  if (!stream_) connect();
  if (!stream_) {
    finish({{}, HttpResult::Failure::not_connected});
    return;
  }
  std::string request = "GET " + target + " HTTP/1.1\r\nHost: shop.example\r\n";
  if (!cookies.empty()) request += "Cookie: " + cookies + "\r\n";
  stream_->write(request + "\r\n");
}

void HttpClient::disconnect() {
  stream_.reset();
  callback_ = nullptr;
}

void HttpClient::stream_data(std::string_view bytes) {
  // Bytes that nobody has requested are an error as well.
  if (!callback_ || !parser_->feed(bytes)) {
    stream_.reset();
    finish({{}, HttpResult::Failure::not_http});
  } else if (response_) {
    if (!response_->keep_alive) stream_.reset();
    finish({std::move(*response_), HttpResult::Failure::none});
  }
}

void HttpClient::stream_ended(int) {
  stream_.reset();
  if (!callback_) return;  // an idle connection was closed
  parser_->end();
  if (response_) {
    finish({std::move(*response_), HttpResult::Failure::none});
    return;
  }
  finish(
      {{}, connected_ ? HttpResult::Failure::connection_lost : HttpResult::Failure::not_connected});
}

void HttpClient::finish(const HttpResult& result) {
  // The callback may send the next request, or destroy this client.
  const Callback callback = std::exchange(callback_, nullptr);
  if (callback) callback(result);
}

}  // namespace bonedry::demo
