#include "tests/support/http_client.h"

#include "tests/support/story_tls.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bonedry::test {

std::string Request::to_wire() const {
  std::string text = method + ' ' + target + ' ' + version + "\r\n";
  if (!headers.has("Host")) text += "Host: shop.example\r\n";
  text += headers.to_wire();
  if (!body.empty() && !headers.has("Content-Length") && !headers.has("Transfer-Encoding")) {
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text + "\r\n" + body;
}

std::string chunk(std::string_view bytes) {
  char size[16];
  const auto [end, error] = std::to_chars(size, size + sizeof size, bytes.size(), 16);
  return std::string(size, end) + "\r\n" + std::string{bytes} + "\r\n";
}

HttpClient::HttpClient(const std::string& address) : HttpClient(address, story_client_tls()) {}

HttpClient::HttpClient(const std::string& address, const std::optional<TlsClient>& tls)
    : socket_(Socket::connect_tcp(address)), reader_(socket_) {
  if (tls) socket_.start_tls(*tls);
}

void HttpClient::send_byte_by_byte(std::string_view raw) {
  for (const char byte : raw) socket_.send_all({&byte, 1});
}

Response HttpClient::read_head(Millis deadline) {
  const auto head = reader_.read_head(deadline);
  if (!head) throw UnexpectedEnd("the proxy closed the connection instead of answering");
  return parse_response_head(*head);
}

Response HttpClient::read_response_into(const BodySink& sink, std::string_view method,
                                        Millis deadline) {
  std::vector<Response> interim;
  Response response = read_head(deadline);
  while (response.status / 100 == 1) {
    interim.push_back(std::move(response));
    response = read_head(deadline);
  }
  response.interim = std::move(interim);

  MessageReader::Framing framing;
  if (method == "HEAD" || response.status == 204 || response.status == 304) {
    response.end = BodyEnd::none;
    return response;
  }
  if (response.headers.has("Transfer-Encoding")) {
    framing.chunked = response.headers.has_token("Transfer-Encoding", "chunked");
    framing.until_close = !framing.chunked;
  } else if (response.headers.has("Content-Length")) {
    framing.length = std::stoull(response.headers.get("Content-Length"));
  } else {
    framing.until_close = true;
  }
  const BodySink counted = [&](std::string_view piece) {
    response.body_size += piece.size();
    sink(piece);
  };
  response.end = reader_.read_body(framing, counted, response.trailers, deadline);
  return response;
}

Response HttpClient::read_response(std::string_view method, Millis deadline) {
  std::string body;
  const BodySink keep = [&body](std::string_view piece) {
    body.append(piece.substr(0, Response::kKeptBody - std::min(body.size(), Response::kKeptBody)));
  };
  Response response = read_response_into(keep, method, deadline);
  response.body = std::move(body);
  return response;
}

Response HttpClient::exchange(const Request& request, Millis deadline) {
  send(request.to_wire(), deadline);
  Response response = read_response(request.method, deadline);
  // A connection that the proxy has announced to close may still be open.
  finished_ = !response.complete() || response.headers.has_token("Connection", "close");
  return response;
}

Response HttpClient::get(const std::string& target, const Headers& headers) {
  return exchange({.method = "GET", .target = target, .headers = headers});
}

bool HttpClient::is_idle_and_open() {
  return socket_.is_open() && !reader_.has_buffered() && !socket_.wait_readable(Millis{0});
}

std::optional<std::string> set_cookie_value(const Response& response, std::string_view name) {
  for (const std::string& line : response.headers.all("Set-Cookie")) {
    const std::string pair = line.substr(0, line.find(';'));
    const auto equals = pair.find('=');
    if (equals != std::string::npos && pair.substr(0, equals) == name) {
      return pair.substr(equals + 1);
    }
  }
  return std::nullopt;
}

}  // namespace bonedry::test
