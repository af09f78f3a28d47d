// Memory: slow peers must not cost the proxy more than its buffers.
#include "tests/scenario/story.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

constexpr std::uint64_t kHuge = 10'000'000'000;
constexpr std::size_t kClients = 20;
constexpr std::size_t kAllowedPerClient = 256 * 1024;

/// Counts the bytes that have passed, and shows whether they still flow.
class Meter {
 public:
  void add(std::size_t bytes) { bytes_ += bytes; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  /// Waits until the flow has stopped: every buffer on the way is full.
  [[nodiscard]] bool wait_until_still() const {
    std::uint64_t last = 0;
    int still_for = 0;
    return eventually(
        [&] {
          still_for = bytes_ == last && last > 0 ? still_for + 1 : 0;
          last = bytes_;
          return still_for == 25;
        },
        kDeadline * 2, Millis{20});
  }

 private:
  std::atomic<std::uint64_t> bytes_{0};
};

class MemoryStory : public Story {
 protected:
  /// Sends as much of a huge response as the proxy accepts.
  Handler huge_response(const std::string& framing) {
    return [this, framing](NodeExchange& exchange) {
      exchange.send("HTTP/1.1 200 OK\r\n" + framing + "\r\n\r\n");
      const bool chunked = framing.starts_with("Transfer-Encoding");
      const std::string piece = chunked ? chunk(std::string(65536, 'x')) : std::string(65536, 'x');
      for (std::uint64_t sent = 0; sent < kHuge; sent += 65536) {
        exchange.socket().send_all(piece, std::chrono::minutes{5});
        meter_.add(65536);
      }
    };
  }

  void expect_bounded_growth(std::size_t before) const {
    if (kSanitized) return;  // the RSS includes shadow memory and quarantine
    const std::size_t after = bonedry_.resident_bytes();
    EXPECT_LT(after, before + kClients * kAllowedPerClient)
        << (after - before) / kClients / 1024 << " KiB for each client";
  }

  Meter meter_;  // outlives the node, whose handlers write to it
  FakeNode alice_{"alice"};
  BonedryProcess bonedry_{shop(workers(), {alice_})};
};

INSTANTIATE_TEST_SUITE_P(Workers, MemoryStory, worker_counts(), name_of_workers);

TEST_P(MemoryStory, ClientsThatNeverReadAHugeResponseCostLittle) {
  alice_.on("/length", huge_response("Content-Length: " + std::to_string(kHuge)));
  alice_.on("/chunks", huge_response("Transfer-Encoding: chunked"));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(HttpClient{bonedry_.address()}.get("/warm").status, 200);
  const std::size_t before = bonedry_.resident_bytes();
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<HttpClient>(bonedry_.address()));
    clients.back()->send(Request{.target = i % 2 == 0 ? "/length" : "/chunks"}.to_wire());
  }
  ASSERT_TRUE(meter_.wait_until_still()) << "the node is not held back";
  expect_bounded_growth(before);
  EXPECT_EQ(bonedry_.node("alice").exchanges_open, static_cast<std::int64_t>(kClients));
  EXPECT_EQ(HttpClient{bonedry_.address()}.get("/other").status, 200) << "others are served";

  // One client starts to read: it gets its bytes, and the flow continues.
  const std::uint64_t still = meter_.bytes();
  std::uint64_t read = 0;
  HttpClient& first = *clients.front();
  EXPECT_EQ(first.read_head().status, 200);
  char buffer[65536];
  while (read < (64U << 20U)) {
    const std::size_t got = first.socket().receive(buffer, sizeof buffer);
    ASSERT_GT(got, 0U);
    ASSERT_EQ(std::string_view(buffer, got).find_first_not_of('x'), std::string_view::npos);
    read += got;
  }
  EXPECT_GT(meter_.bytes(), still);
  expect_bounded_growth(before);
  clients.clear();
  EXPECT_TRUE(eventually([this] { return bonedry_.node("alice").exchanges_open == 0; }));
}

TEST_P(MemoryStory, NodesThatNeverReadAHugeUploadCostLittle) {
  const Gate gate;
  alice_.on("/up", [gate](NodeExchange& exchange) {
    (void)gate.wait(std::chrono::minutes{5});
    exchange.close_after();
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(HttpClient{bonedry_.address()}.get("/warm").status, 200);
  const std::size_t before = bonedry_.resident_bytes();
  std::vector<std::unique_ptr<HttpClient>> clients;
  const std::string piece(65536, 'x');
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<HttpClient>(bonedry_.address()));
    clients.back()->send(
        "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kHuge) + "\r\n\r\n");
  }
  // Until no client could send anything for half a second.
  TestTime last_progress = TestClock::now();
  while (elapsed_since(last_progress) < scaled(Millis{500})) {
    for (const auto& client : clients) {
      const std::size_t sent = client->socket().send_now(piece);
      meter_.add(sent);
      if (sent > 0) last_progress = TestClock::now();
    }
    ASSERT_LT(meter_.bytes(), std::uint64_t{4} << 30U) << "somebody keeps it all";
    (void)clients.front()->socket().wait_writable(Millis{10});
  }
  expect_bounded_growth(before);
  EXPECT_EQ(HttpClient{bonedry_.address()}.get("/other").status, 200) << "others are served";
  gate.open();
}

TEST_P(MemoryStory, HundredsOfIdleConnectionsCostLittle) {
  constexpr std::size_t kIdle = 400;
  EXPECT_EQ(HttpClient{bonedry_.address()}.get("/warm").status, 200);
  const std::size_t before = bonedry_.resident_bytes();
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (std::size_t i = 0; i < kIdle; ++i) {
    clients.push_back(std::make_unique<HttpClient>(bonedry_.address()));
    EXPECT_EQ(clients.back()->get("/once").status, 200);
  }
  if (!kSanitized) {
    EXPECT_LT(bonedry_.resident_bytes(), before + kIdle * 16 * 1024) << "an idle one has no buffer";
  }
  EXPECT_EQ(clients.front()->get("/again").status, 200);
}

TEST_P(MemoryStory, ConnectionsThatCloseGiveTheirDescriptorsBack) {
  EXPECT_EQ(HttpClient{bonedry_.address()}.get("/warm").status, 200);
  {
    std::vector<std::unique_ptr<HttpClient>> clients;
    for (int i = 0; i < 100; ++i) {
      clients.push_back(std::make_unique<HttpClient>(bonedry_.address()));
      EXPECT_EQ(clients.back()->get("/one").status, 200);
    }
  }
  alice_.drop_connections();
  EXPECT_TRUE(eventually([this] { return bonedry_.open_descriptors() < 40 + 20 * workers(); }))
      << bonedry_.open_descriptors() << " descriptors are open";
}

}  // namespace
}  // namespace bonedry::test
