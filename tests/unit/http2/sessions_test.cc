#include "proxy/http2/client_session.h"
#include "proxy/http2/server_session.h"
#include "tests/unit/http2/client_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http2 {
namespace {

using test::NotingStream;
using testing::ElementsAre;

/// A client and a server of ours, whose bytes the test carries.
class SessionsTest : public testing::Test, private ClientEvents, private ServerEvents {
 protected:
  /// The client begins a stream.
  NotingStream& ask(End end = End::yes) {
    NotingStream& stream = asked_.emplace_back(blocks_);
    const auto fields = test::request_fields("/x");
    EXPECT_TRUE(client().send_request(fields, end, stream));
    return stream;
  }
  /// The server answers it.
  NotingStream& respond(StreamId id, std::string_view body, End end = End::yes) {
    NotingStream& stream = served(id);
    stream.add(body);
    stream.end = end;
    const std::vector<FieldView> fields{{":status", "200"}, {"X-Name", "y"}};
    server().send_head(id, fields, End::no);
    return stream;
  }
  NotingStream& served(StreamId id) { return *served_.at(id); }
  [[nodiscard]] bool is_served(StreamId id) const { return served_.contains(id); }
  ClientSession& client() {
    if (!client_) client_.emplace(static_cast<ClientEvents&>(*this), client_limits_, memory_);
    return *client_;
  }
  ServerSession& server() {
    if (!server_) server_.emplace(static_cast<ServerEvents&>(*this), server_limits_, memory_);
    return *server_;
  }

  /// Carries bytes in pieces of this size until neither side has more to say.
  void carry(std::size_t piece = 1'000) {
    while (true) {
      const std::string up = test::bytes_of(client(), blocks_, piece);
      deliver(server(), up, piece);
      const std::string down = test::bytes_of(server(), blocks_, piece);
      deliver(client(), down, piece);
      if (up.empty() && down.empty()) return;
    }
  }

  ClientLimits client_limits_;
  ServerLimits server_limits_;
  BlockPool blocks_;
  SessionMemory memory_;
  std::vector<ErrorCode> goaways_;
  std::deque<NotingStream> asked_;
  std::map<StreamId, std::unique_ptr<NotingStream>> served_;
  bool refuses_ = false;

 private:
  void on_goaway(ErrorCode code) override { goaways_.push_back(code); }
  StreamEvents* on_request(StreamId id) override {
    if (refuses_) return nullptr;
    return (served_[id] = std::make_unique<NotingStream>(blocks_)).get();
  }
  void on_pong() override {}

  template <class Peer>
  static void deliver(Peer& peer, std::string_view bytes, std::size_t piece) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      (void)peer.receive(bytes.substr(0, piece), Instant{1'000});
    }
  }

  std::optional<ClientSession> client_;
  std::optional<ServerSession> server_;
};

TEST_F(SessionsTest, ARequestAndItsResponse) {
  NotingStream& asked = ask();
  carry();
  EXPECT_EQ(served(1).fields, ":method=POST;:scheme=http;:authority=a;:path=/x;");
  EXPECT_THAT(served(1).heads, ElementsAre(End::yes));
  respond(1, "hello");
  carry();
  EXPECT_EQ(asked.fields, ":status=200;x-name=y;");
  EXPECT_EQ(asked.data, "hello");
  EXPECT_EQ(asked.closed, ErrorCode::no_error);
  EXPECT_EQ(served(1).closed, ErrorCode::no_error);
  EXPECT_TRUE(client().is_greeted());
  EXPECT_EQ(client().max_streams(), 100U);
}

TEST_F(SessionsTest, LongBodiesBothWaysWithTrailers) {
  client_limits_.stream_window = 3'000;
  server_limits_.stream_window = 5'000;
  NotingStream& asked = ask(End::no);
  const std::string up(300'000, 'u');
  const std::string down(200'000, 'd');
  asked.add(up);
  asked.trailer_fields = {{"x-up", "1"}};
  asked.end = End::yes;
  carry();
  respond(1, down).trailer_fields = {{"x-down", "2"}};
  std::size_t at_client = 0;
  std::size_t at_server = 0;
  for (int turn = 0; turn < 1'000 && asked.closes == 0; ++turn) {
    client().give_back(1, asked.data.size() - at_client);
    server().give_back(1, served(1).data.size() - at_server);
    at_client = asked.data.size();
    at_server = served(1).data.size();
    carry(700);
    EXPECT_LE(asked.data.size() - at_client, 3'000U);
  }
  EXPECT_TRUE(served(1).data == up);
  EXPECT_TRUE(asked.data == down);
  EXPECT_EQ(served(1).ends, 1U);
  EXPECT_THAT(asked.heads, ElementsAre(End::no, End::yes));
  EXPECT_TRUE(served(1).fields.ends_with(";x-up=1;"));
  EXPECT_TRUE(asked.fields.ends_with(";x-down=2;"));
  EXPECT_EQ(asked.closed, ErrorCode::no_error);
}

TEST_F(SessionsTest, AStreamThatIsNotDeliveredHoldsUpNoOther) {
  client_limits_.connection_window = 100'000;
  NotingStream& still = ask();
  NotingStream& other = ask();
  carry();
  respond(1, std::string(500'000, 'x'));
  respond(3, std::string(60'000, 'y'));
  carry();
  EXPECT_EQ(still.data.size(), client_limits_.stream_window);
  EXPECT_EQ(other.data.size(), 60'000U);
  EXPECT_EQ(other.closed, ErrorCode::no_error);
}

TEST_F(SessionsTest, EachSideResetsAStream) {
  NotingStream& first = ask();
  NotingStream& second = ask(End::no);
  carry();
  server().reset(1, ErrorCode::internal_error);
  client().reset(3, ErrorCode::cancel);
  carry();
  EXPECT_EQ(first.closed, ErrorCode::internal_error);
  EXPECT_EQ(first.closed_by, EndedBy::peer);
  EXPECT_EQ(second.closed, ErrorCode::cancel);
  EXPECT_EQ(second.closed_by, EndedBy::us);
  EXPECT_EQ(served(1).closed_by, EndedBy::us);
  EXPECT_EQ(served(3).closed, ErrorCode::cancel);
}

TEST_F(SessionsTest, AStreamThatTheServerRefuses) {
  refuses_ = true;
  NotingStream& stream = ask();
  carry();
  EXPECT_EQ(stream.closed, ErrorCode::refused_stream);
  EXPECT_EQ(stream.closed_by, EndedBy::peer);
}

TEST_F(SessionsTest, RequestsBeyondTheLimitOfTheServerWait) {
  server_limits_.streams = 2;
  carry();
  for (int i = 0; i < 5; ++i) ask();
  carry();
  EXPECT_EQ(served_.size(), 2U);
  for (StreamId id = 1; id < 11; id += 2) {
    ASSERT_TRUE(is_served(id)) << id;
    respond(id, "x");
    carry();
  }
  for (const NotingStream& stream : asked_) EXPECT_EQ(stream.closed, ErrorCode::no_error);
}

TEST_F(SessionsTest, AGentleEndLosesNoRequest) {
  NotingStream& before = ask();
  carry();
  server().announce_goaway();
  NotingStream& crossing = ask();
  (void)test::bytes_of(client(), blocks_, 0);
  carry();
  EXPECT_THAT(goaways_, ElementsAre(ErrorCode::no_error));
  server().send_goaway(ErrorCode::no_error);
  carry();
  NotingStream& late = ask();
  respond(1, "x");
  if (is_served(3)) respond(3, "x");
  carry();
  EXPECT_EQ(before.closed, ErrorCode::no_error);
  EXPECT_EQ(crossing.closed, is_served(3) ? ErrorCode::no_error : ErrorCode::refused_stream);
  EXPECT_EQ(late.closed, ErrorCode::refused_stream);
  EXPECT_TRUE(client().is_over());
  EXPECT_TRUE(server().is_over());
}

TEST_F(SessionsTest, AnAbruptEndOfTheServer) {
  NotingStream& stream = ask();
  carry();
  server().terminate(ErrorCode::internal_error);
  carry();
  EXPECT_THAT(goaways_, ElementsAre(ErrorCode::internal_error));
  EXPECT_EQ(stream.closes, 0U) << "the node may have processed it; the connection will end";
}

}  // namespace
}  // namespace bonedry::http2
