// The PROXY protocol towards the nodes: the header at the start of each connection.
#include "tests/scenario/story.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using std::string_literals::operator""s;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kV2Local = kSignature + "\x20\0\0\0"s;
const std::string kLoopback = "\x7f\0\0\x01"s;
const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::uint16_t port_of(const HttpClient& client, int (*which)(int, sockaddr*, socklen_t*)) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  const int fd = const_cast<HttpClient&>(client).socket().fd();
  EXPECT_EQ(which(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

std::string two_bytes(std::uint16_t number) {
  return {static_cast<char>(number >> 8U), static_cast<char>(number & 0xffU)};
}

/// The header for a client's connection, from the client's own addresses.
std::string v1_of(const HttpClient& client) {
  return "PROXY TCP4 127.0.0.1 127.0.0.1 " + std::to_string(port_of(client, getsockname)) + " " +
         std::to_string(port_of(client, getpeername)) + "\r\n";
}
std::string v2_of(const HttpClient& client) {
  return kSignature + "\x21\x11\0\x0c"s + kLoopback + kLoopback +
         two_bytes(port_of(client, getsockname)) + two_bytes(port_of(client, getpeername));
}

/// One connection as the node reads it, byte by byte.
class NodeSide {
 public:
  explicit NodeSide(Socket socket) : socket_(std::move(socket)) {}

  /// Everything up to the end of a request's head, including what precedes it.
  std::string read_request() {
    std::string bytes;
    std::array<char, 4096> buffer{};
    while (bytes.find("GET ") == std::string::npos || !bytes.ends_with("\r\n\r\n")) {
      const std::size_t size = socket_.receive(buffer.data(), buffer.size());
      if (size == 0) throw UnexpectedEnd("the proxy closed after: " + bytes);
      bytes.append(buffer.data(), size);
    }
    return bytes;
  }
  void answer() { socket_.send_all(kAnswer); }
  /// Everything that still arrives until the proxy closes.
  std::string rest() { return socket_.receive_all(); }

 private:
  Socket socket_;
};

class ProxyProtocolOutStory : public Story {
 protected:
  ProxyProtocolOutStory() { port_.open(); }

  [[nodiscard]] TestConfig config(const std::string& version) const {
    return shop(workers(), {{"alice", port_.address()}}, {},
                {"proxy_protocol = \"" + version + "\""});
  }
  void launch(TestConfig config) { bonedry_ = std::make_unique<BonedryProcess>(std::move(config)); }

  NodeSide accept() { return NodeSide{port_.accept(kDeadline)}; }
  /// Serves a request of this client; returns what the node has read on a new connection.
  std::string pass(HttpClient& client) {
    client.send(Request{.target = "/seen"}.to_wire());
    NodeSide node = accept();
    const std::string bytes = node.read_request();
    node.answer();
    EXPECT_EQ(client.read_response().body, "ok");
    EXPECT_EQ(node.rest(), "") << "a connection that speaks for a client serves nobody else";
    return bytes;
  }

  /// The first health check must begin with `own`, and must succeed once it gets its response.
  void check_health(const std::string& version, const std::string& own) {
    TestConfig checked = config(version);
    checked.pools[0].health = {"path = \"/healthz\"", "timeout = \"1m\""};
    launch(checked);
    NodeSide node = accept();
    EXPECT_THAT(node.read_request(), StartsWith(own + "GET /healthz HTTP/1.1\r\n"));
    node.answer();
    EXPECT_TRUE(eventually([&] { return bonedry_->node("alice").health == "up"; }));
  }

  ListeningPort port_;
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, ProxyProtocolOutStory, worker_counts(), name_of_workers);

TEST_P(ProxyProtocolOutStory, EveryConnectionBeginsWithVersion1) {
  launch(config("v1"));
  HttpClient client{bonedry_->address()};
  EXPECT_THAT(pass(client), StartsWith(v1_of(client) + "GET /seen HTTP/1.1\r\n"));
  EXPECT_THAT(pass(client), StartsWith(v1_of(client) + "GET /seen HTTP/1.1\r\n"));
  HttpClient other{bonedry_->address()};
  EXPECT_THAT(pass(other), StartsWith(v1_of(other) + "GET /seen HTTP/1.1\r\n"));
}

TEST_P(ProxyProtocolOutStory, EveryConnectionBeginsWithVersion2) {
  launch(config("v2"));
  HttpClient client{bonedry_->address()};
  EXPECT_THAT(pass(client), StartsWith(v2_of(client) + "GET /seen HTTP/1.1\r\n"));
  EXPECT_THAT(pass(client), StartsWith(v2_of(client) + "GET /seen HTTP/1.1\r\n"));
}

TEST_P(ProxyProtocolOutStory, WhatWasAnnouncedToUsIsAnnouncedOn) {
  TestConfig both = config("v1");
  both.server = {"trusted_proxies = [\"127.0.0.1\"]"};
  both.pools[0].listener = {"proxy_protocol = true"};
  launch(both);
  const std::string announced = "PROXY TCP6 2001:db8::7 2001:db8::8 56324 443\r\n";
  HttpClient client{bonedry_->address()};
  client.send(announced);
  EXPECT_THAT(pass(client), StartsWith(announced + "GET /seen HTTP/1.1\r\n"));
}

TEST_P(ProxyProtocolOutStory, AReloadTurnsItOn) {
  launch(config("off"));
  HttpClient client{bonedry_->address()};
  client.send(Request{.target = "/seen"}.to_wire());
  NodeSide plain = accept();
  EXPECT_THAT(plain.read_request(), StartsWith("GET /seen HTTP/1.1\r\n"));
  plain.answer();
  EXPECT_EQ(client.read_response().body, "ok");
  bonedry_->configure(config("v1"));
  EXPECT_THAT(bonedry_->admin("reload"), Not(HasSubstr("error: ")));
  EXPECT_EQ(plain.rest(), "") << "idle connections have not been introduced";
  EXPECT_THAT(pass(client), StartsWith(v1_of(client)));
}

TEST_P(ProxyProtocolOutStory, HealthChecksSpeakForNobodyInVersion1) {
  check_health("v1", "PROXY UNKNOWN\r\n");
}

TEST_P(ProxyProtocolOutStory, HealthChecksSpeakForNobodyInVersion2) {
  check_health("v2", kV2Local);
}

TEST_P(ProxyProtocolOutStory, AConnectThatIsTheCheckIsIntroducedToo) {
  TestConfig checked = config("v2");
  checked.pools[0].health = {"interval = \"50ms\""};
  launch(checked);
  EXPECT_EQ(accept().rest(), kV2Local);
  EXPECT_TRUE(eventually([&] { return bonedry_->node("alice").health == "up"; }));
}

}  // namespace
}  // namespace bonedry::test
