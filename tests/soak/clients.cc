#include "tests/soak/clients.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bonedry::soak {
namespace {

using test::FakeNode;
using test::Headers;
using test::HttpClient;
using test::NodeExchange;
using test::Request;
using test::Response;
using test::User;

struct Page {
  std::string_view path;
  std::size_t size;
  int percent;  // of all clicks
};
constexpr std::array<Page, 6> kPages{{
    {"/small", 200, 55},
    {"/64k", 64 * 1024, 15},
    {"/1m", 1024 * 1024, 5},
    {"/chunks", 30'000, 10},
    {"/upload", 0, 15},
    {"/8m", 8 * 1024 * 1024, 0},  // larger than all buffers between node and client together
}};
constexpr std::size_t kUploadSize = 40'000;
constexpr std::size_t kChunkSize = 10'000;

const Page& find_page(std::string_view path) {
  for (const Page& page : kPages) {
    if (page.path == path) return page;
  }
  return kPages[0];
}

Outcome outcome_of(const Response& response) {
  return response.complete() ? Outcome::complete : Outcome::truncated;
}

std::string chunked_body(std::size_t size) {
  std::string text;
  for (std::size_t done = 0; done < size; done += kChunkSize) {
    text += test::chunk(std::string(std::min(kChunkSize, size - done), 'c'));
  }
  return text + "0\r\n\r\n";
}

/// What is wrong with the body of a successful response; "" when nothing is.
std::string error_in(const Response& response, const Page& page) {
  if (!response.complete() || response.status != 200) return "";
  if (page.path == "/upload") {
    return response.body == std::to_string(kUploadSize) ? "" : "an upload of " + response.body;
  }
  if (response.body_size == page.size) return "";
  return std::string{page.path} + " has " + std::to_string(response.body_size) + " bytes";
}

}  // namespace

void install_handlers(FakeNode& node, RequestLog& log) {
  for (const Page& page : kPages) {
    node.on(std::string{page.path}, [&log, page](NodeExchange& exchange) {
      log.node_received(exchange.request().target);
      const test::NodeBody& body = exchange.read_body();
      if (body.end == test::BodyEnd::aborted) return;
      if (page.path == "/upload") return exchange.respond(200, std::to_string(body.size));
      if (page.path != "/chunks") return exchange.respond(200, std::string(page.size, 'x'));
      exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}));
      exchange.send(chunked_body(page.size));
    });
  }
  node.on("/healthz", [](NodeExchange& exchange) { exchange.respond(200, "well"); });
}

Clients::Clients(std::vector<std::string> addresses, RequestLog& log)
    : addresses_(std::move(addresses)), log_(log) {
  start(24, &Clients::browse);
  start(4, &Clients::discard_cookies);
  start(4, &Clients::pipeline);
  start(8, &Clients::read_slowly);
  start(4, &Clients::disconnect_in_request);
  start(4, &Clients::disconnect_in_response);
}

void Clients::start(std::size_t count, Behavior behavior) {
  for (std::size_t i = 0; i < count; ++i) {
    Client client{addresses_[i % addresses_.size()], std::mt19937_64{threads_.size()}};
    threads_.emplace_back([this, behavior, client = std::move(client)]() mutable {
      while (!stop_.wait(Millis{0})) {
        try {
          (this->*behavior)(client);
        } catch (const std::exception& error) {
          log_.report_failure(std::string{"a client: "} + error.what());
        }
      }
    });
  }
}

void Clients::stop() {
  stop_.open();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Clients::pause(int ms) {
  (void)stop_.wait(Millis{ms});
}

Request Clients::make_request(Client& client, std::string_view path, RequestLog::Id& id) {
  Request request;
  request.method = path == "/upload" ? "POST" : "GET";
  id = log_.add_request(request.method);
  request.target = std::string{path} + '?' + std::to_string(id);
  if (path != "/upload") return request;
  const bool chunked = client.between(0, 1) == 0;
  if (chunked) request.headers.add("Transfer-Encoding", "chunked");
  request.body = chunked ? chunked_body(kUploadSize) : std::string(kUploadSize, 'u');
  return request;
}

void Clients::click(Client& client, TrackedUser& tracked) {
  int roll = client.between(1, 100);
  std::size_t chosen = 0;
  while (roll > kPages[chosen].percent) roll -= kPages[chosen++].percent;
  RequestLog::Id id = 0;
  Request request = make_request(client, kPages[chosen].path, id);
  if (client.between(1, 10) == 1) request.headers.add("Connection", "close");
  RequestResult result{.previous_node = tracked.last_node,
                       .idle_time = test::elapsed_since(tracked.last_served)};
  try {
    const Response response = tracked.user.send(std::move(request));
    result.outcome = outcome_of(response);
    result.status = response.status;
    result.node = tracked.user.node();
    if (const std::string wrong = error_in(response, kPages[chosen]); !wrong.empty()) {
      log_.report_failure(wrong);
    }
  } catch (const test::SocketError& error) {
    result.outcome = Outcome::no_response;
    result.error = error.what();
  }
  if (!result.node.empty()) tracked.last_node = result.node;
  tracked.last_served = test::TestClock::now();
  log_.finish_request(id, result);
}

void Clients::browse(Client& client) {
  TrackedUser tracked{User{client.address}};
  for (int clicks = client.between(5, 40); clicks > 0 && !stop_.wait(Millis{0}); --clicks) {
    click(client, tracked);
    if (client.between(1, 10) == 1) tracked.user.disconnect();
    const bool lets_session_expire = client.between(1, 200) == 1;
    pause(lets_session_expire ? 2500 : client.between(0, 100));
  }
}

void Clients::discard_cookies(Client& client) {
  TrackedUser tracked{User{client.address}};
  click(client, tracked);
  pause(client.between(20, 100));
}

void Clients::pipeline(Client& client) {
  std::vector<RequestLog::Id> ids(5);
  std::string all;
  for (RequestLog::Id& id : ids) all += make_request(client, "/small", id).to_wire();
  std::vector<RequestResult> results(ids.size());
  try {
    HttpClient connection{client.address};
    connection.send(all);
    for (RequestResult& result : results) {
      const Response response = connection.read_response();
      result = {outcome_of(response), response.status, response.headers.get("X-Node")};
      if (response.headers.has_token("Connection", "close")) break;
    }
  } catch (const test::SocketError& error) {
    for (RequestResult& result : results) {
      if (result.outcome == Outcome::no_response) result.error = error.what();
    }
  }
  // After a truncated or unsuccessful response, the proxy reads no more requests.
  bool closed = false;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (closed && results[i].outcome == Outcome::no_response) results[i].outcome = Outcome::aborted;
    closed = closed || results[i].outcome != Outcome::complete || results[i].status != 200;
    log_.finish_request(ids[i], results[i]);
  }
  pause(client.between(50, 200));
}

void Clients::read_slowly(Client& client) {
  RequestLog::Id id = 0;
  const Request request = make_request(client, "/8m", id);
  RequestResult result;
  try {
    HttpClient connection{client.address};
    connection.socket().limit_receive_buffer(16 * 1024);
    connection.send(request.to_wire());
    const Response response = connection.read_response_into([this](std::string_view) { pause(5); });
    result = {outcome_of(response), response.status, response.headers.get("X-Node")};
    if (const std::string wrong = error_in(response, find_page("/8m")); !wrong.empty()) {
      log_.report_failure(wrong);
    }
  } catch (const test::SocketError& error) {
    result.outcome = Outcome::no_response;
    result.error = error.what();
  }
  log_.finish_request(id, result);
}

void Clients::disconnect_in_request(Client& client) {
  RequestLog::Id id = 0;
  const std::string wire =
      make_request(client, client.between(0, 1) == 0 ? "/upload" : "/small", id).to_wire();
  try {
    HttpClient connection{client.address};
    connection.send(wire.substr(
        0, static_cast<std::size_t>(client.between(1, static_cast<int>(wire.size()) - 1))));
    if (client.between(0, 1) == 0) connection.socket().reset();
  } catch (const test::SocketError&) {
    // The client was about to disconnect anyway.
  }
  log_.finish_request(id, {.outcome = Outcome::aborted});
  pause(client.between(20, 100));
}

void Clients::disconnect_in_response(Client& client) {
  RequestLog::Id id = 0;
  const std::string wire =
      make_request(client, client.between(0, 1) == 0 ? "/8m" : "/chunks", id).to_wire();
  try {
    HttpClient connection{client.address};
    connection.send(wire);
    (void)connection.read_head();
    if (client.between(0, 1) == 0) connection.socket().reset();
  } catch (const test::SocketError&) {
    // The client was about to disconnect anyway.
  }
  log_.finish_request(id, {.outcome = Outcome::aborted});
  pause(client.between(20, 100));
}

}  // namespace bonedry::soak
