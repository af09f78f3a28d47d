// Peers that stop, and peers that are only slow: which are cut off, when, and what is logged.
#include "tests/scenario/story.h"
#include "tests/support/story_tls.h"

#include <algorithm>
#include <array>
#include <future>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

constexpr std::string_view kEndless = "100000000000";
constexpr int kSmallBuffer = 16 * 1024;
/// Within kStall a slow peer reads much more than its own buffer, but much less than the kernel
/// holds for it: so the proxy's own socket stays full for all of kStall.
const Millis kStall = scaled(Millis{1000});
const Millis kPause = scaled(Millis{50});
constexpr std::size_t kGulp = 4U * 1024 * 1024;
constexpr int kSlowBuffer = 64 * 1024;
constexpr std::size_t kSip = 16 * 1024;
constexpr int kSips = 100;  // five times kStall

/// Reads this many bytes as fast as they come.
void read_fast(Socket& socket, std::size_t bytes) {
  std::array<char, 65536> buffer{};
  while (bytes > 0) {
    const std::size_t got = socket.receive(buffer.data(), std::min(buffer.size(), bytes));
    if (got == 0) throw UnexpectedEnd("cut off");
    bytes -= got;
  }
}

/// Lets the sender's buffers grow and fill, then reads slowly but steadily. The receive buffer is
/// small, so that the kernel acknowledges promptly what is read. Throws when it is cut off.
void read_slowly(Socket& socket) {
  socket.limit_receive_buffer(kSlowBuffer);
  read_fast(socket, kGulp);
  for (int i = 0; i < kSips; ++i) {
    std::this_thread::sleep_for(kPause);  // deliberately slow
    read_fast(socket, kSip);
  }
}

/// Sends as much as the proxy accepts, until it responds or closes.
void send_until_response(Socket& socket, const std::string& piece) {
  try {
    while (!socket.wait_readable(Millis{0})) {
      if (socket.wait_writable(Millis{20})) (void)socket.send_now(piece);
    }
  } catch (const ConnectionReset&) {
    return;
  }
}

Handler endless_answer(const std::string& head, const std::string& piece) {
  return [head, piece](NodeExchange& exchange) {
    exchange.close_after();
    exchange.send("HTTP/1.1 200 OK\r\n" + head + "\r\n");
    for (;;) exchange.socket().send_all(piece, std::chrono::minutes{5});
  };
}

class StallStory : public Story {
 protected:
  void launch(std::vector<std::string> timeouts) {
    TestConfig config = shop(workers(), {alice_});
    config.timeouts = std::move(timeouts);
    config.timeouts.emplace_back("shutdown = \"2s\"");
    bonedry_ = std::make_unique<BonedryProcess>(std::move(config));
  }
  void launch(const std::string& stall, const std::string& response) {
    launch({"stall = \"" + stall + "\"", "response = \"" + response + "\""});
  }
  void launch_for_slow_peers() {
    const std::string stall = std::to_string(kStall.count()) + "ms";
    launch(stall, stall);
  }

  /// The line of the access log for this target.
  [[nodiscard]] std::string logged(const std::string& target) const {
    std::string found;
    (void)eventually([&] {
      std::istringstream lines{bonedry_->out()};
      for (std::string line; std::getline(lines, line);) {
        if (line.find("\"target\":\"" + target + "\"") != std::string::npos) found = line;
      }
      return !found.empty();
    });
    return found;
  }

  [[nodiscard]] static std::string upload(const std::string& target, const std::string& framing) {
    return "POST " + target + " HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n";
  }

  FakeNode alice_{"alice"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, StallStory, worker_counts(), name_of_workers);

const std::string kPiece(65536, 'x');
const std::string kLength = "Content-Length: " + std::string(kEndless);
const std::string kChunkedField = "Transfer-Encoding: chunked";

TEST_P(StallStory, AClientThatStopsReadingIsNamed) {
  alice_.on("/length", endless_answer(kLength + "\r\n", kPiece));
  alice_.on("/chunks", endless_answer(kChunkedField + "\r\n", chunk(kPiece)));
  alice_.on("/close", endless_answer("Connection: close\r\n", kPiece));
  launch("300ms", "10s");
  for (const char* target : {"/length", "/chunks", "/close"}) {
    HttpClient client{bonedry_->address()};
    client.socket().limit_receive_buffer(kSmallBuffer);
    client.send(Request{.target = target}.to_wire());
    EXPECT_EQ(client.read_head().status, 200);
    EXPECT_THAT(logged(target), HasSubstr(R"("end":"client_stalled")"));
  }
}

TEST_P(StallStory, AClientThatStopsReadingTheEndOfAnAnswerIsNamed) {
  alice_.on("/end", [](NodeExchange& exchange) {
    constexpr std::size_t kSize = 24U * 1024 * 1024;
    exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kSize)}}));
    for (std::size_t sent = 0; sent < kSize; sent += kPiece.size()) exchange.send(kPiece);
  });
  launch("300ms", "10s");
  HttpClient client{bonedry_->address()};
  client.send(Request{.target = "/end"}.to_wire());
  EXPECT_EQ(client.read_head().status, 200);
  EXPECT_THAT(logged("/end"), HasSubstr(R"("end":"client_stalled")"));
}

TEST_P(StallStory, ANodeThatStopsReadingAnUploadIsNamed) {
  const Gate over;
  const auto not_reading = [over](NodeExchange& exchange) {
    exchange.close_after();
    exchange.socket().limit_receive_buffer(kSmallBuffer);
    (void)over.wait();
  };
  alice_.on("/length", not_reading);
  alice_.on("/chunks", not_reading);
  launch("300ms", "10s");
  for (const bool chunked : {false, true}) {
    const std::string target = chunked ? "/chunks" : "/length";
    HttpClient client{bonedry_->address()};
    client.send(upload(target, chunked ? kChunkedField : kLength));
    send_until_response(client.socket(), chunked ? chunk(kPiece) : kPiece);
    EXPECT_EQ(client.read_response("POST").status, 504) << target;
    EXPECT_THAT(logged(target), HasSubstr(R"("end":"node_stalled")"));
  }
  over.open();
}

TEST_P(StallStory, ANodeThatStopsReadingBehindItsAnswerIsNamed) {
  const Gate over;
  alice_.on("/early", [over](NodeExchange& exchange) {
    exchange.close_after();
    exchange.socket().limit_receive_buffer(kSmallBuffer);
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    (void)over.wait();
  });
  launch("300ms", "10s");
  HttpClient client{bonedry_->address()};
  client.send(upload("/early", kLength));
  EXPECT_EQ(client.read_head().status, 200);
  auto talking = std::async(std::launch::async, [&] {
    try {
      for (;;) client.send(kPiece);
    } catch (const SocketError&) {
      return;
    }
  });
  talking.get();
  EXPECT_THAT(logged("/early"), HasSubstr(R"("end":"node_stalled")"));
  over.open();
}

TEST_P(StallStory, AClientThatStopsSendingIsNamed) {
  launch("300ms", "10s");
  for (const bool chunked : {false, true}) {
    const std::string target = chunked ? "/chunks" : "/length";
    HttpClient client{bonedry_->address()};
    client.send(upload(target, chunked ? kChunkedField : kLength) +
                (chunked ? chunk("abc") : "abc"));
    EXPECT_EQ(client.read_response("POST").status, 408);
    EXPECT_THAT(logged(target), HasSubstr(R"("end":"client_stalled")"));
  }
}

TEST_P(StallStory, AClientThatStopsSendingWhatTheNodeAnswersAlreadyIsNamed) {
  const Gate over;
  alice_.on("/echo", [over](NodeExchange& exchange) {
    exchange.close_after();
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    (void)over.wait();
  });
  launch("300ms", "10s");
  HttpClient client{bonedry_->address()};
  client.send(upload("/echo", "Content-Length: 10") + "abc");
  EXPECT_EQ(client.read_head().status, 200);
  EXPECT_THAT(logged("/echo"), HasSubstr(R"("end":"client_stalled")"));
  over.open();
}

TEST_P(StallStory, AClientThatWaitsForA100IsNotToBlame) {
  alice_.on("/never", [](NodeExchange& exchange) {
    exchange.close_after();
    (void)exchange.peer_went();
  });
  alice_.on("/late", [](NodeExchange& exchange) {
    EXPECT_FALSE(exchange.socket().wait_readable(Millis{600})) << "the point: twice stall";
    exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
    answer_plainly(exchange);
  });
  const std::string framing = "Content-Length: 5\r\nExpect: 100-continue";
  launch("300ms", "3s");
  HttpClient client{bonedry_->address()};
  client.send(upload("/late", framing));
  const Response go_on = client.read_head();
  EXPECT_EQ(go_on.status, 100);
  client.send("hello");
  EXPECT_EQ(client.read_response("POST").status, 200);
  client.send(upload("/never", framing));
  EXPECT_EQ(client.read_response("POST").status, 504);
  EXPECT_THAT(logged("/never"), HasSubstr(R"("end":"response_timeout")"));
}

TEST_P(StallStory, SlowReadersAreNotCut) {
  alice_.on("/length", endless_answer(kLength + "\r\n", kPiece));
  alice_.on("/chunks", endless_answer(kChunkedField + "\r\n", chunk(kPiece)));
  launch_for_slow_peers();
  std::vector<std::future<void>> readers;
  for (const char* target : {"/length", "/chunks"}) {
    readers.push_back(std::async(std::launch::async, [this, target] {
      Socket socket = connect_story_client(bonedry_->address());
      socket.send_all(Request{.target = target}.to_wire());
      read_slowly(socket);
      read_fast(socket, 16U * 1024 * 1024);  // more than all buffers on the way can hold
    }));
  }
  for (auto& reader : readers) EXPECT_NO_THROW(reader.get());
}

TEST_P(StallStory, NodesThatReadAnUploadSlowlyAreNotCut) {
  const auto slow = [](NodeExchange& exchange) {
    exchange.close_after();
    read_slowly(exchange.socket());
    exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  };
  alice_.on("/length", slow);
  alice_.on("/chunks", slow);
  launch_for_slow_peers();
  std::vector<std::future<int>> clients;
  for (const bool chunked : {false, true}) {
    clients.push_back(std::async(std::launch::async, [this, chunked] {
      HttpClient client{bonedry_->address()};
      client.send(upload(chunked ? "/chunks" : "/length", chunked ? kChunkedField : kLength));
      send_until_response(client.socket(), chunked ? chunk(kPiece) : kPiece);
      return client.read_response("POST").status;
    }));
  }
  for (auto& client : clients) EXPECT_EQ(client.get(), 200);
}

/// The kernel has taken the whole upload and the node owes a response, but has not read it all yet.
TEST_P(StallStory, TheAnswerIsNotDueWhileTheNodeStillReadsTheUpload) {
  constexpr std::size_t kSize = kGulp + kSip * kSips + 128 * 1024;
  alice_.on("/up", [](NodeExchange& exchange) {
    read_slowly(exchange.socket());
    exchange.close_after();
    exchange.respond(200, "ok", {{"Connection", "close"}});
    (void)exchange.peer_went();
  });
  launch_for_slow_peers();
  HttpClient client{bonedry_->address()};
  client.send(upload("/up", "Content-Length: " + std::to_string(kSize)));
  client.send(std::string(kSize, 'x'), kDeadline * 3);
  EXPECT_EQ(client.read_head(kDeadline * 3).status, 200);
}

/// The kernel has taken the whole response, so the exchange is over, but the client has not read
/// it.
class LastAnswerStory : public StallStory {
 protected:
  static constexpr std::size_t kSize = 2U * 1024 * 1024;

  void SetUp() override {
    alice_.on("/long", [](NodeExchange& exchange) {
      exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kSize)}}));
      for (std::size_t sent = 0; sent < kSize; sent += kPiece.size()) exchange.send(kPiece);
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, LastAnswerStory, worker_counts(), name_of_workers);

TEST_P(LastAnswerStory, AClientThatStillHearsItIsNotIdle) {
  launch({"idle = \"" + std::to_string(kStall.count()) + "ms\""});
  HttpClient client{bonedry_->address()};
  client.socket().limit_receive_buffer(kSlowBuffer);
  client.send(Request{.target = "/long"}.to_wire());
  EXPECT_EQ(client
                .read_response_into([](std::string_view) {
                  std::this_thread::sleep_for(kPause);  // deliberately slow
                })
                .status,
            200);
  EXPECT_EQ(client.get("/next").status, 200) << "on the same connection";
}

TEST_P(LastAnswerStory, IsHeardByAClientThatGoesOnTalking) {
  launch({});
  HttpClient client{bonedry_->address()};
  client.socket().limit_receive_buffer(kSlowBuffer);
  client.send(upload("/long", kLength) + "abc");
  std::size_t heard = 0;
  const Response response = client.read_response_into([&](std::string_view piece) {
    heard += piece.size();
    if (heard < kSlowBuffer) return;
    heard = 0;
    // In all longer than a closing connection lingers. Not scaled, since that is not either: the
    // kernel acknowledges a buffer at a time, and the client must not seem to have stopped.
    std::this_thread::sleep_for(Millis{200});
    (void)client.socket().send_now("x");
  });
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(client.socket().receive_all(), "") << "the end, with TLS by a close_notify";
}

}  // namespace
}  // namespace bonedry::test
