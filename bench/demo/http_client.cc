#include "bench/demo/http_client.h"

#include <utility>

namespace bonedry::demo {

HttpClient::HttpClient(Loop& loop, std::uint16_t port) : loop_(loop), port_(port) {}

void HttpClient::open() {
  parser_ = std::make_unique<HttpParser>(
      HTTP_RESPONSE, [this](HttpMessage&& response) { response_ = std::move(response); });
  stream_ = Stream::connect_tcp(loop_, port_, *this);
}

void HttpClient::get(const std::string& target, const std::string& cookies, Done done) {
  done_ = std::move(done);
  response_.reset();
  if (!stream_) open();
  if (!stream_) {
    finish({{}, "cannot open a connection"});
    return;
  }
  std::string request = "GET " + target + " HTTP/1.1\r\nHost: shop.example\r\n";
  if (!cookies.empty()) request += "Cookie: " + cookies + "\r\n";
  stream_->write(request + "\r\n");
}

void HttpClient::disconnect() {
  stream_.reset();
  done_ = nullptr;
}

void HttpClient::stream_data(std::string_view bytes) {
  const bool good = done_ && parser_->feed(bytes);
  if (!good) {
    stream_.reset();
    finish({{}, "the answer is not HTTP"});
  } else if (response_) {
    if (!response_->keep_alive) stream_.reset();
    finish({std::move(*response_), ""});
  }
}

void HttpClient::stream_ended(int error) {
  stream_.reset();
  if (!done_) return;  // an idle connection was closed
  parser_->end();
  if (response_) {
    finish({std::move(*response_), ""});
    return;
  }
  finish({{}, error == 0 ? "the connection was closed before the answer" : uv_strerror(error)});
}

void HttpClient::finish(const HttpAnswer& answer) {
  // `done` may send the next request, or destroy this client.
  const Done done = std::exchange(done_, nullptr);
  if (done) done(answer);
}

}  // namespace bonedry::demo
