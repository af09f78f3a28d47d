// Long bodies, which are spliced from socket to socket where the kernel supports it.
#include "proxy/base/block.h"
#include "tests/scenario/story.h"

#include <sys/socket.h>

#include <csignal>
#include <string>
#include <thread>
#include <utility>

namespace bonedry::test {
namespace {

constexpr std::uint64_t kLong = 3 << 20;
constexpr auto kTimeLimit = std::chrono::minutes{2};

Handler pattern_of(std::uint64_t seed, std::uint64_t size) {
  return [seed, size](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", std::to_string(size)}}));
    PatternBody body{seed, size};
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
      exchange.socket().send_all(piece, kTimeLimit);
    }
  };
}

class LongBodyStory : public Story {
 protected:
  /// The checksum of the body that a client gets when it pauses for `pause` after each piece.
  static std::string fetch(HttpClient& client, const std::string& target,
                           Millis pause = Millis{0}) {
    client.send(Request{.target = target}.to_wire());
    Sha256 digest;
    const Response response = client.read_response_into(
        [&](std::string_view piece) {
          digest.update(piece);
          if (pause.count() > 0) std::this_thread::sleep_for(pause);
        },
        "GET", kTimeLimit);
    EXPECT_TRUE(response.complete());
    return digest.hex();
  }

  FakeNode alice_{"alice"};
  BonedryProcess bonedry_{shop(workers(), {alice_})};
  HttpClient client_{bonedry_.address()};
};

INSTANTIATE_TEST_SUITE_P(Workers, LongBodyStory, worker_counts(), name_of_workers);

TEST_P(LongBodyStory, AnswersOfAllSizesFollowEachOtherOnOneConnection) {
  // Around every size at which the path changes: one read, a first read, a pipe, more than a pipe.
  std::uint64_t seed = 0;
  for (const std::uint64_t size :
       {1UL, 4000UL, 4096UL, 16383UL, 16384UL, 20000UL, 32767UL, 32768UL, 36000UL, 65536UL, 70000UL,
        262144UL, 300000UL, 1048577UL, 100UL, 40000UL, 200UL, 3145728UL, 5000UL}) {
    const std::string target = "/" + std::to_string(size);
    alice_.on(target, pattern_of(++seed, size));
    for (int turn = 0; turn < 3; ++turn) {
      ASSERT_EQ(fetch(client_, target), PatternBody::checksum(seed, size))
          << size << " bytes, turn " << turn;
    }
  }
  EXPECT_EQ(alice_.connections(), 1U);
}

TEST_P(LongBodyStory, ASlowReaderGetsEveryByteInItsPlace) {
  alice_.on("/long", pattern_of(7, kLong));
  EXPECT_EQ(fetch(client_, "/long", Millis{2}), PatternBody::checksum(7, kLong));
  EXPECT_EQ(client_.get("/next").status, 200);
}

TEST_P(LongBodyStory, ASlowNodeGetsEveryByteInItsPlace) {
  alice_.on("/slow", [](NodeExchange& exchange) {
    std::this_thread::sleep_for(Millis{300});  // so that every buffer on the way fills up
    exchange.respond(200, exchange.read_body().sha256);
  });
  client_.send("PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kLong) +
               "\r\n\r\n");
  PatternBody body{8, kLong};
  for (auto piece = body.next(); !piece.empty(); piece = body.next())
    client_.send(piece, kTimeLimit);
  EXPECT_EQ(client_.read_response("PUT", kTimeLimit).body, PatternBody::checksum(8, kLong));
  EXPECT_EQ(client_.get("/next").status, 200);
}

TEST_P(LongBodyStory, TheNextRequestMayFollowALongBodyAtOnce) {
  std::string all = "PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n";
  PatternBody body{9, 200000};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) all += piece;
  all += Request{.target = "/after"}.to_wire();
  client_.send(all);
  const auto answer = nlohmann::json::parse(client_.read_response("PUT").body);
  EXPECT_EQ(answer.at("sha256"), PatternBody::checksum(9, 200000));
  EXPECT_EQ(client_.read_response().status, 200);
  EXPECT_EQ(alice_.requests_for("/after"), 1U);
}

TEST_P(LongBodyStory, ACutAnswerIsNeverTakenForAWholeOne) {
  for (const std::uint64_t sent : {1UL, 20000UL, 70000UL, 1000000UL}) {
    alice_.on("/cut", [sent](NodeExchange& exchange) {
      exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kLong)}}));
      PatternBody body{10, sent};
      for (auto piece = body.next(); !piece.empty(); piece = body.next()) exchange.send(piece);
      exchange.close_after();
    });
    HttpClient client{bonedry_.address()};
    const Response response = client.exchange({.target = "/cut"}, kTimeLimit);
    EXPECT_FALSE(response.complete()) << sent;
    EXPECT_LE(response.body_size, sent);
  }
}

TEST_P(LongBodyStory, ClientsThatLeaveInTheMiddleLeaveNothingBehind) {
  alice_.on("/long", pattern_of(11, std::uint64_t{1} << 30U));
  EXPECT_EQ(client_.get("/warm").status, 200);
  const std::size_t before = bonedry_.open_descriptors();
  for (int round = 0; round < 30; ++round) {
    HttpClient client{bonedry_.address()};
    client.send(Request{.target = "/long"}.to_wire());
    EXPECT_EQ(client.read_head().status, 200);
  }
  // Each worker may keep a few spare pipes.
  EXPECT_TRUE(eventually([&] { return bonedry_.open_descriptors() <= before + 16 * workers(); },
                         kTimeLimit))
      << bonedry_.open_descriptors() << " descriptors, before " << before;
  EXPECT_TRUE(eventually([&] { return bonedry_.node("alice").exchanges_open == 0; }));
}

TEST_P(LongBodyStory, BytesBehindALongAnswerAreNotTheNextOne) {
  const std::string stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
  for (const std::uint64_t size : {4000UL, 40000UL, 100000UL, 300000UL}) {
    alice_.on("/loose", [&](NodeExchange& exchange) {
      std::string all = exchange.head(200, {{"Content-Length", std::to_string(size)}});
      PatternBody body{12, size};
      for (auto piece = body.next(); !piece.empty(); piece = body.next()) all += piece;
      exchange.socket().send_all(all + stray, kTimeLimit);
    });
    for (int turn = 0; turn < 10; ++turn) {
      HttpClient client{bonedry_.address()};
      // The second request waits for the first response, and then finds an idle connection to
      // reuse.
      client.send(Request{.target = "/loose"}.to_wire() + Request{.target = "/next"}.to_wire());
      ASSERT_EQ(client.read_response().body_size, size);
      ASSERT_NE(client.read_response().body, "stray") << size << " bytes, turn " << turn;
    }
  }
}

TEST_P(LongBodyStory, AResetIsNotTheEndOfAnAnswer) {
  // Exactly the size of a first read. The reset arrives before the proxy looks, so the proxy meets
  // it where it would splice the rest.
  alice_.on("/reset", [pid = bonedry_.pid()](NodeExchange& exchange) {
    std::string all = exchange.head(200, {});
    all.resize(BlockPool::kBlockSize, 'x');
    ::kill(pid, SIGSTOP);
    exchange.send(all);
    exchange.reset();
    ::kill(pid, SIGCONT);
  });
  // The body ends with its connection on both sides, so it may be spliced.
  client_.send(Request{.target = "/reset", .version = "HTTP/1.0"}.to_wire());
  EXPECT_FALSE(client_.read_response().complete());
}

TEST_P(LongBodyStory, UrgentDataDoesNotStopALongBody) {
  constexpr std::uint64_t kSize = 300000;
  client_.send("PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kSize) +
               "\r\n\r\n");
  PatternBody body{13, kSize};
  bool urgent = false;
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
    client_.send(piece, kTimeLimit);
    // Out of band, not part of the stream. The proxy meets the urgent mark while it splices.
    if (!std::exchange(urgent, true)) {
      ASSERT_EQ(::send(client_.socket().fd(), "!", 1, MSG_OOB), 1);
    }
  }
  const auto answer = nlohmann::json::parse(client_.read_response("PUT").body);
  EXPECT_EQ(answer.at("sha256"), PatternBody::checksum(13, kSize));
}

TEST_P(LongBodyStory, UrgentDataDoesNotStopALongAnswer) {
  constexpr std::uint64_t kSize = 300000;
  alice_.on("/urgent", [](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kSize)}}));
    PatternBody body{14, kSize};
    bool urgent = false;
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
      exchange.send(piece);
      if (!std::exchange(urgent, true)) ::send(exchange.socket().fd(), "!", 1, MSG_OOB);
    }
  });
  EXPECT_EQ(fetch(client_, "/urgent"), PatternBody::checksum(14, kSize));
}

}  // namespace
}  // namespace bonedry::test
