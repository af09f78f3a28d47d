#include "tests/soak/shoppers.h"

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
  int share;  // of 100 clicks
};
constexpr std::array<Page, 6> kPages{{
    {"/small", 200, 55},
    {"/64k", 64 * 1024, 15},
    {"/1m", 1024 * 1024, 5},
    {"/chunks", 30'000, 10},
    {"/upload", 0, 15},
    {"/8m", 8 * 1024 * 1024, 0},  // more than all buffers on its way hold together
}};
constexpr std::size_t kUpload = 40'000;
constexpr std::size_t kPiece = 10'000;

const Page& page(std::string_view path) {
  for (const Page& each : kPages) {
    if (each.path == path) return each;
  }
  return kPages[0];
}

Fate fate_of(const Response& response) {
  return response.complete() ? Fate::whole : Fate::cut;
}

std::string chunked_text(std::size_t size) {
  std::string text;
  for (std::size_t done = 0; done < size; done += kPiece) {
    text += test::chunk(std::string(std::min(kPiece, size - done), 'c'));
  }
  return text + "0\r\n\r\n";
}

/// What is wrong with the received part of a response; "" when nothing is.
std::string fault_in(const Page& asked, const Response& response) {
  if (!response.complete() || response.status != 200) return "";
  if (asked.path == "/upload") {
    return response.body == std::to_string(kUpload) ? "" : "an upload of " + response.body;
  }
  if (response.body_size == asked.size) return "";
  return std::string{asked.path} + " has " + std::to_string(response.body_size) + " bytes";
}

}  // namespace

void open_shop(FakeNode& node, Journal& journal) {
  for (const Page& each : kPages) {
    node.on(std::string{each.path}, [&journal, each](NodeExchange& exchange) {
      journal.reached(exchange.request().target);
      const test::NodeBody& body = exchange.read_body();
      if (body.end == test::BodyEnd::aborted) return;
      if (each.path == "/upload") return exchange.respond(200, std::to_string(body.size));
      if (each.path != "/chunks") return exchange.respond(200, std::string(each.size, 'x'));
      exchange.send(exchange.head(200, {{"Transfer-Encoding", "chunked"}}));
      exchange.send(chunked_text(each.size));
    });
  }
  node.on("/healthz", [](NodeExchange& exchange) { exchange.respond(200, "well"); });
}

Shoppers::Shoppers(std::vector<std::string> addresses, Journal& journal)
    : addresses_(std::move(addresses)), journal_(journal) {
  send_out(24, &Shoppers::browse);
  send_out(4, &Shoppers::forget);
  send_out(4, &Shoppers::pipeline);
  send_out(8, &Shoppers::read_slowly);
  send_out(4, &Shoppers::go_within_request);
  send_out(4, &Shoppers::go_within_answer);
}

void Shoppers::send_out(std::size_t clients, Errand errand) {
  for (std::size_t i = 0; i < clients; ++i) {
    Self self{addresses_[i % addresses_.size()], std::mt19937_64{threads_.size()}};
    threads_.emplace_back([this, errand, self = std::move(self)]() mutable {
      while (!home_.wait(Millis{0})) {
        try {
          (this->*errand)(self);
        } catch (const std::exception& error) {
          journal_.complain(std::string{"a client: "} + error.what());
        }
      }
    });
  }
}

void Shoppers::send_home() {
  home_.open();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Shoppers::pause(int most_ms) {
  (void)home_.wait(Millis{most_ms});
}

Request Shoppers::request_for(Self& self, std::string_view path, Journal::Id& id) {
  Request request;
  request.method = path == "/upload" ? "POST" : "GET";
  id = journal_.asks(request.method);
  request.target = std::string{path} + '?' + std::to_string(id);
  if (path != "/upload") return request;
  const bool chunked = self.roll(0, 1) == 0;
  if (chunked) request.headers.add("Transfer-Encoding", "chunked");
  request.body = chunked ? chunked_text(kUpload) : std::string(kUpload, 'u');
  return request;
}

void Shoppers::click(Self& self, Customer& customer) {
  int roll = self.roll(1, 100);
  std::size_t chosen = 0;
  while (roll > kPages[chosen].share) roll -= kPages[chosen++].share;
  Journal::Id id = 0;
  Request request = request_for(self, kPages[chosen].path, id);
  if (self.roll(1, 10) == 1) request.headers.add("Connection", "close");
  Journal::Answer answer{.node_before = customer.node,
                         .away = test::elapsed_since(customer.served)};
  try {
    const Response response = customer.user.send(std::move(request));
    answer.fate = fate_of(response);
    answer.status = response.status;
    answer.node = customer.user.node();
    if (const std::string fault = fault_in(kPages[chosen], response); !fault.empty()) {
      journal_.complain(fault);
    }
  } catch (const test::SocketError& error) {
    answer.fate = Fate::none;
    answer.trouble = error.what();
  }
  if (!answer.node.empty()) customer.node = answer.node;
  customer.served = test::TestClock::now();
  journal_.answered(id, answer);
}

void Shoppers::browse(Self& self) {
  Customer customer{User{self.address}};
  for (int clicks = self.roll(5, 40); clicks > 0 && !home_.wait(Millis{0}); --clicks) {
    click(self, customer);
    if (self.roll(1, 10) == 1) customer.user.disconnect();
    const bool falls_asleep = self.roll(1, 200) == 1;  // for longer than a session lasts
    pause(falls_asleep ? 2500 : self.roll(0, 100));
  }
}

void Shoppers::forget(Self& self) {
  Customer customer{User{self.address}};
  click(self, customer);
  pause(self.roll(20, 100));
}

void Shoppers::pipeline(Self& self) {
  std::vector<Journal::Id> ids(5);
  std::string all;
  for (Journal::Id& id : ids) all += request_for(self, "/small", id).to_wire();
  std::vector<Journal::Answer> answers(ids.size());
  try {
    HttpClient client{self.address};
    client.send(all);
    for (Journal::Answer& answer : answers) {
      const Response response = client.read_response();
      answer = {fate_of(response), response.status, response.headers.get("X-Node")};
      if (response.headers.has_token("Connection", "close")) break;
    }
  } catch (const test::SocketError& error) {
    for (Journal::Answer& answer : answers) {  // only requests without a response
      if (answer.fate == Fate::none) answer.trouble = error.what();
    }
  }
  bool closed = false;  // after a cut or closing response, the proxy reads no more requests
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (closed && answers[i].fate == Fate::none) answers[i].fate = Fate::abandoned;
    closed = closed || answers[i].fate != Fate::whole || answers[i].status != 200;
    journal_.answered(ids[i], answers[i]);
  }
  pause(self.roll(50, 200));
}

void Shoppers::read_slowly(Self& self) {
  Journal::Id id = 0;
  const Request request = request_for(self, "/8m", id);
  Journal::Answer answer;
  try {
    HttpClient client{self.address};
    client.socket().limit_receive_buffer(16 * 1024);
    client.send(request.to_wire());
    const Response response = client.read_response_into([this](std::string_view) { pause(5); });
    answer = {fate_of(response), response.status, response.headers.get("X-Node")};
    if (const std::string fault = fault_in(page("/8m"), response); !fault.empty()) {
      journal_.complain(fault);
    }
  } catch (const test::SocketError& error) {
    answer.fate = Fate::none;
    answer.trouble = error.what();
  }
  journal_.answered(id, answer);
}

void Shoppers::go_within_request(Self& self) {
  Journal::Id id = 0;
  const std::string wire =
      request_for(self, self.roll(0, 1) == 0 ? "/upload" : "/small", id).to_wire();
  try {
    HttpClient client{self.address};
    client.send(
        wire.substr(0, static_cast<std::size_t>(self.roll(1, static_cast<int>(wire.size()) - 1))));
    if (self.roll(0, 1) == 0) client.socket().reset();
  } catch (const test::SocketError&) {
    // It was about to disconnect anyway.
  }
  journal_.answered(id, {.fate = Fate::abandoned});
  pause(self.roll(20, 100));
}

void Shoppers::go_within_answer(Self& self) {
  Journal::Id id = 0;
  const std::string wire =
      request_for(self, self.roll(0, 1) == 0 ? "/8m" : "/chunks", id).to_wire();
  try {
    HttpClient client{self.address};
    client.send(wire);
    (void)client.read_head();
    if (self.roll(0, 1) == 0) client.socket().reset();
  } catch (const test::SocketError&) {
    // It was about to disconnect anyway.
  }
  journal_.answered(id, {.fate = Fate::abandoned});
  pause(self.roll(20, 100));
}

}  // namespace bonedry::soak
