// Many streams on one connection of HTTP/2: how many there may be, and that none holds up another.
#include "tests/scenario/http2_story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

constexpr std::uint64_t kBig = 32 << 20;  // more than all buffers on the way
constexpr int kMaxStreams = 100;

class Http2StreamStory : public Http2Story {
 protected:
  Http2StreamStory() { launch_alice(); }

  /// Begins this many requests at once, before it reads anything of the proxy's.
  static std::vector<StreamId> begin_many(Http2Client& client, int count,
                                          const std::string& target) {
    std::vector<StreamId> ids;
    for (int i = 0; i < count; ++i) ids.push_back(client.begin({.target = target}));
    return ids;
  }
  static void expect_small_requests_pass(Http2Client& client) {
    for (int i = 0; i < 50; ++i) {
      const std::string target = "/small/" + std::to_string(i);
      const Response response = client.get(target);
      ASSERT_EQ(response.status, 200);
      ASSERT_THAT(response.body, testing::HasSubstr('"' + target + '"'));
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2StreamStory, worker_counts(), name_of_workers);

TEST_P(Http2StreamStory, AHundredAreServedAtOnce) {
  const Gate gate;
  alice_.on("/wait", answering_at(gate));
  Http2Client client{address()};
  EXPECT_EQ(client.peer_settings().max_concurrent_streams, static_cast<unsigned>(kMaxStreams));
  const std::vector<StreamId> ids = begin_many(client, kMaxStreams, "/wait");
  ASSERT_TRUE(alice_.wait_for("/wait", kMaxStreams)) << "all are at the node";
  EXPECT_EQ(node(alice_).exchanges_open, kMaxStreams);
  gate.open();
  for (const StreamId id : ids) EXPECT_EQ(client.wait(id).body, "at last");
  EXPECT_TRUE(eventually_idle());
}

TEST_P(Http2StreamStory, MoreThanAHundredAreRefusedAndCanBeSentAgain) {
  const Gate gate;
  alice_.on("/wait", answering_at(gate));
  Http2Client client{address()};  // it has not read the limit yet
  const std::vector<StreamId> ids = begin_many(client, kMaxStreams + 1, "/wait");
  const Response refused = client.wait(ids.back());
  EXPECT_EQ(refused.status, 0);
  EXPECT_EQ(refused.reset, "REFUSED_STREAM");
  ASSERT_TRUE(alice_.wait_for("/wait", kMaxStreams));
  gate.open();
  for (int i = 0; i < kMaxStreams; ++i) {
    EXPECT_EQ(client.wait(ids[static_cast<std::size_t>(i)]).body, "at last");
  }
  EXPECT_EQ(client.get("/wait").body, "at last");
  EXPECT_EQ(alice_.requests_for("/wait"), kMaxStreams + 1U) << "it never saw the refused one";
}

TEST_P(Http2StreamStory, ResponsesComeInTheOrderOfTheirEnds) {
  const Gate first_done;
  const Gate gate;
  alice_.on("/slow", answering_at(gate));
  Http2Client client{address()};
  const StreamId slow = client.begin({.target = "/slow"});
  const StreamId quick = client.begin({.target = "/quick"});
  EXPECT_EQ(client.wait(quick).status, 200) << "overtakes the first";
  gate.open();
  EXPECT_EQ(client.wait(slow).body, "at last");
}

TEST_P(Http2StreamStory, AnUploadThatStallsHoldsUpNoOtherStream) {
  Http2Client client{address()};
  const StreamId upload = client.begin_upload({.method = "POST", .target = "/up"});
  client.send_data(upload, "Hello ");
  ASSERT_TRUE(alice_.wait_for("/up", 1));
  expect_small_requests_pass(client);
  client.send_data(upload, "world");
  client.end(upload);
  EXPECT_EQ(nlohmann::json::parse(client.wait(upload).body).at("sha256"), sha256("Hello world"));
}

TEST_P(Http2StreamStory, AnUploadThatItsNodeDoesNotReadHoldsUpNoOtherStream) {
  const Gate gate;
  alice_.on("/up", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    answer_plainly(exchange);
  });
  Http2Client client{address()};
  const StreamId upload = client.begin_upload({.method = "POST", .target = "/up"});
  ASSERT_TRUE(alice_.wait_for("/up", 1));
  std::string body;
  PatternBody pattern{1, kBig};
  for (auto piece = pattern.next(); !piece.empty(); piece = pattern.next()) body += piece;
  client.offer_data(upload, body);
  expect_small_requests_pass(client);
  EXPECT_GT(client.unsent(upload), 0U) << "the proxy does not take what the node does not";
  gate.open();
  client.send_data(upload, "", kDeadline * 4);
  client.end(upload);
  const auto answer = nlohmann::json::parse(client.wait(upload).body);
  EXPECT_EQ(answer.at("size"), kBig);
  EXPECT_EQ(answer.at("sha256"), PatternBody::checksum(1, kBig));
}

TEST_P(Http2StreamStory, ADownloadThatIsNotReadHoldsUpNoOtherStream) {
  alice_.on("/big", sending_pattern(2, kBig));
  Http2Client client{address()};
  const StreamId big = client.begin({.target = "/big"});
  EXPECT_EQ(client.read_head(big).status, 200);
  expect_small_requests_pass(client);
  EXPECT_EQ(node(alice_).exchanges_open, 1) << "the node is held back";
  EXPECT_TRUE(reads_pattern(client, big, 2, kBig));
}

TEST_P(Http2StreamStory, ManyDownloadsThatAreNotReadCostLittleMemory) {
  constexpr int kCount = 50;
  constexpr std::size_t kAllowedForEach = 512 * 1024;
  alice_.on("/big", sending_pattern(2, kBig));
  Http2Client client{address(), Http2Windows{.stream = 65535, .connection = 16 << 20}};
  expect_small_requests_pass(client);
  const std::size_t before = bonedry_->resident_bytes();
  const std::vector<StreamId> ids = begin_many(client, kCount, "/big");
  for (const StreamId id : ids) EXPECT_EQ(client.read_head(id).status, 200);
  expect_small_requests_pass(client);
  EXPECT_EQ(node(alice_).exchanges_open, kCount);
  if (!kSanitized) {  // there, the RSS includes shadow memory and quarantine
    EXPECT_LT(bonedry_->resident_bytes(), before + kCount * kAllowedForEach);
  }
  for (const StreamId id : ids) client.reset(id);
  EXPECT_TRUE(eventually_idle());
  expect_small_requests_pass(client);
}

TEST_P(Http2StreamStory, AConnectionOfWhichNothingIsReadHoldsUpNobodyElse) {
  alice_.on("/big", sending_pattern(2, kBig));
  Http2Client deaf{address()};
  const std::vector<StreamId> ids = begin_many(deaf, 10, "/big");
  ASSERT_TRUE(alice_.wait_for("/big", 10));
  Http2Client other{address()};
  expect_small_requests_pass(other);
  // It reads on: what fits into its windows is there.
  EXPECT_EQ(deaf.receive(ids[0], 1 << 20).size(), 1U << 20);
}

TEST_P(Http2StreamStory, SmallRequestsPassBesideABigDownload) {
  alice_.on("/big", sending_pattern(3, kBig));
  Http2Client client{address()};
  const StreamId big = client.begin({.target = "/big"});
  Sha256 digest;
  constexpr std::size_t kPart = 1 << 20;
  for (std::uint64_t got = 0; got < kBig; got += kPart) {
    const StreamId small = client.begin({.target = "/small"});
    const std::string part = client.receive(big, kPart);
    digest.update(part);
    ASSERT_EQ(part.size(), kPart);
    ASSERT_EQ(client.wait(small).status, 200);
  }
  EXPECT_EQ(digest.hex(), PatternBody::checksum(3, kBig));
  EXPECT_TRUE(client.wait(big).complete());
}

TEST_P(Http2StreamStory, BigBodiesPassBothWaysOnManyStreams) {
  constexpr std::uint64_t kEach = 4 << 20;
  alice_.on("/down", sending_pattern(4, kEach));
  Http2Client client{address()};
  std::vector<StreamId> downloads;
  std::vector<StreamId> uploads;
  for (int i = 0; i < 4; ++i) {
    downloads.push_back(client.begin({.target = "/down"}));
    uploads.push_back(client.begin_upload({.method = "POST", .target = "/up"}));
  }
  PatternBody body{5, kEach};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
    for (const StreamId id : uploads) client.send_data(id, piece);
  }
  for (const StreamId id : uploads) client.end(id);
  for (const StreamId id : downloads) EXPECT_TRUE(reads_pattern(client, id, 4, kEach));
  for (const StreamId id : uploads) {
    const auto answer = nlohmann::json::parse(client.wait(id).body);
    EXPECT_EQ(answer.at("size"), kEach);
    EXPECT_EQ(answer.at("sha256"), PatternBody::checksum(5, kEach));
  }
}

TEST_P(Http2StreamStory, OneConnectionCarriesTenThousandRequests) {
  Http2Client client{address()};
  const std::string cookie = "bonedry=" + set_cookie_value(client.get("/first")).value_or("none");
  for (int round = 0; round < 200; ++round) {
    std::vector<StreamId> ids;
    for (int i = 0; i < 50; ++i) {
      ids.push_back(client.begin(
          {.target = "/" + std::to_string(round * 50 + i), .headers = {{"Cookie", cookie}}}));
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const Response response = client.wait(ids[i]);
      ASSERT_EQ(response.status, 200);
      ASSERT_THAT(
          response.body,
          testing::HasSubstr("\"/" + std::to_string(round * 50 + static_cast<int>(i)) + "\""));
      ASSERT_FALSE(response.headers.has("Set-Cookie"));
    }
  }
  EXPECT_EQ(alice_.requests(), 10'001U);
  EXPECT_LE(alice_.connections(), 60U) << "the node's connections are kept";
}

}  // namespace
}  // namespace bonedry::test
