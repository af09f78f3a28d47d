// The HTTP/2 client against a peer that sends what the test says, frame by frame.
#include "tests/support/http2_client.h"

#include "tests/support/user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

struct Frame {
  int type = 0;
  int flags = 0;
  StreamId stream = 0;
  std::string payload;
};

std::string number(std::uint32_t value, int bytes) {
  std::string out;
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xff);
  }
  return out;
}

std::uint32_t to_number(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

/// A block of fields as literals, without a table and Huffman's code; all are short.
std::string block(const Headers& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += '\0' + number(static_cast<std::uint32_t>(name.size()), 1) + name +
           number(static_cast<std::uint32_t>(value.size()), 1) + value;
  }
  return out;
}

/// The server's end of a connection. The kernel's buffers hold all that a test sends, so that one
/// thread is enough.
class Http2ClientTest : public testing::Test {
 protected:
  Http2ClientTest() : inflater_(make_inflater(), nghttp2_hd_inflate_del) {
    port_.open();
    client_ = std::make_shared<Http2Client>(port_.address(), std::nullopt);
    peer_ = port_.accept(kDeadline);
    EXPECT_EQ(read(24), NGHTTP2_CLIENT_MAGIC);
    EXPECT_EQ(next_frame().type, NGHTTP2_SETTINGS);
    send(NGHTTP2_SETTINGS, 0, 0,
         number(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2) + number(7, 4) +
             number(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 2) + number(1, 4));
  }

  std::string read(std::size_t size) {
    std::string all(size, '\0');
    for (std::size_t got = 0; got < size;) {
      const std::size_t more = peer_.receive(&all[got], size - got);
      if (more == 0) throw UnexpectedEnd("the client has gone");
      got += more;
    }
    return all;
  }
  Frame next_frame() {
    const std::string head = read(9);
    Frame frame{head[3], head[4], static_cast<StreamId>(to_number(head.substr(5, 4))), {}};
    frame.payload = read(to_number(head.substr(0, 3)));
    return frame;
  }
  /// The next frame of this type; others are skipped.
  Frame next_frame(int type) {
    for (;;) {
      Frame frame = next_frame();
      if (frame.type == type) return frame;
    }
  }
  void send(int type, int flags, StreamId stream, const std::string& payload) {
    peer_.send_all(number(static_cast<std::uint32_t>(payload.size()), 3) + static_cast<char>(type) +
                   static_cast<char>(flags) + number(static_cast<std::uint32_t>(stream), 4) +
                   payload);
  }
  void send_head(StreamId stream, const Headers& fields, int flags = 0) {
    send(NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS, stream, block(fields));
  }
  void send_reset(StreamId stream, std::uint32_t code) {
    send(NGHTTP2_RST_STREAM, 0, stream, number(code, 4));
  }
  void send_page(StreamId stream, const std::string& body) {
    send_head(stream, {{":status", "200"}});
    send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, body);
  }

  Headers inflate(std::string_view bytes) {
    Headers fields;
    int flags = 0;
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
      nghttp2_nv field{};
      const ssize_t taken = nghttp2_hd_inflate_hd2(
          inflater_.get(), &field, &flags, reinterpret_cast<const std::uint8_t*>(bytes.data()),
          bytes.size(), 1);
      if (taken < 0) throw SocketError("no block of fields");
      bytes.remove_prefix(static_cast<std::size_t>(taken));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields.add({reinterpret_cast<const char*>(field.name), field.namelen},
                   {reinterpret_cast<const char*>(field.value), field.valuelen});
      }
    }
    nghttp2_hd_inflate_end_headers(inflater_.get());
    return fields;
  }

  ListeningPort port_;
  std::shared_ptr<Http2Client> client_;
  Socket peer_;

 private:
  static nghttp2_hd_inflater* make_inflater() {
    nghttp2_hd_inflater* made = nullptr;
    if (nghttp2_hd_inflate_new(&made) != 0) throw std::bad_alloc{};
    return made;
  }

  std::unique_ptr<nghttp2_hd_inflater, void (*)(nghttp2_hd_inflater*)> inflater_;
};

TEST_F(Http2ClientTest, ARequestBecomesFieldsAndABody) {
  client_->begin({.method = "POST",
                  .target = "/up?x=1",
                  .headers = {{"Host", "blog.example"}, {"Cookie", "a=1; b=2"}, {"X-A", "b"}},
                  .body = "hello"});
  const Frame head = next_frame(NGHTTP2_HEADERS);
  EXPECT_EQ(inflate(head.payload).to_wire(), Headers({{":method", "POST"},
                                                      {":scheme", "http"},
                                                      {":authority", "blog.example"},
                                                      {":path", "/up?x=1"},
                                                      {"cookie", "a=1"},
                                                      {"cookie", "b=2"},
                                                      {"x-a", "b"},
                                                      {"content-length", "5"}})
                                                 .to_wire());
  EXPECT_EQ(head.flags & NGHTTP2_FLAG_END_STREAM, 0);
  const Frame body = next_frame(NGHTTP2_DATA);
  EXPECT_EQ(body.payload, "hello");
  EXPECT_EQ(body.flags & NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_END_STREAM);
  client_->begin({.target = "/"});
  EXPECT_EQ(next_frame(NGHTTP2_HEADERS).flags & NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_END_STREAM)
      << "a request without a body";
}

TEST_F(Http2ClientTest, PseudoFieldsCanBeReplacedAndAdded) {
  client_->begin_upload(
      {.method = "CONNECT",
       .target = "/chat",
       .headers = {{"Host", "other"}, {":authority", "x"}, {":protocol", "websocket"}}});
  EXPECT_EQ(inflate(next_frame(NGHTTP2_HEADERS).payload).to_wire(),
            Headers({{":method", "CONNECT"},
                     {":scheme", "http"},
                     {":path", "/chat"},
                     {":authority", "x"},
                     {":protocol", "websocket"},
                     {"host", "other"}})
                .to_wire());
}

TEST_F(Http2ClientTest, AResponseHasInterimOnesABodyAndTrailers) {
  const StreamId id = client_->begin({.target = "/"});
  send_head(id, {{":status", "103"}, {"link", "</a>"}});
  send_head(id, {{":status", "200"}, {"x-a", "b"}});
  send(NGHTTP2_DATA, 0, id, "Hello ");
  send(NGHTTP2_DATA, 0, id, "world");
  send_head(id, {{"x-sum", "42"}}, NGHTTP2_FLAG_END_STREAM);
  const Response response = client_->wait(id);
  EXPECT_EQ(response.version, "HTTP/2");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.to_wire(), "x-a: b\r\n");
  EXPECT_EQ(response.body, "Hello world");
  EXPECT_EQ(response.body_size, 11U);
  EXPECT_EQ(response.trailers.to_wire(), "x-sum: 42\r\n");
  EXPECT_EQ(response.end, BodyEnd::stream);
  ASSERT_EQ(response.interim.size(), 1U);
  EXPECT_EQ(response.interim[0].status, 103);
  EXPECT_EQ(response.interim[0].headers.get("Link"), "</a>");
}

TEST_F(Http2ClientTest, AResponseCanBeReadPieceByPiece) {
  const StreamId id = client_->begin({.target = "/"});
  send_head(id, {{":status", "103"}});
  EXPECT_EQ(client_->read_head(id).status, 103);
  send_head(id, {{":status", "200"}});
  EXPECT_EQ(client_->read_head(id).status, 200);
  send(NGHTTP2_DATA, 0, id, "one two");
  EXPECT_EQ(client_->receive(id, 4), "one ");
  send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, " three");
  EXPECT_EQ(client_->receive(id, 100), "two three") << "to its end";
  const Response response = client_->wait(id);
  EXPECT_EQ(response.body_size, 13U);
  EXPECT_TRUE(response.complete());
}

TEST_F(Http2ClientTest, StreamsAreIndependent) {
  const StreamId first = client_->begin({.target = "/1"});
  const StreamId second = client_->begin({.target = "/2"});
  const StreamId third = client_->begin({.target = "/3"});
  send_page(third, "three");
  send_head(first, {{":status", "200"}});
  send(NGHTTP2_DATA, 0, first, "one");
  send_reset(first, NGHTTP2_INTERNAL_ERROR);
  send_reset(second, NGHTTP2_REFUSED_STREAM);
  const Response cut = client_->wait(first);
  EXPECT_EQ(cut.status, 200);
  EXPECT_EQ(cut.body, "one");
  EXPECT_FALSE(cut.complete());
  EXPECT_EQ(cut.reset, "INTERNAL_ERROR");
  const Response refused = client_->wait(second);
  EXPECT_EQ(refused.status, 0);
  EXPECT_FALSE(refused.complete());
  EXPECT_EQ(refused.reset, "REFUSED_STREAM");
  const Response whole = client_->wait(third);
  EXPECT_EQ(whole.body, "three");
  EXPECT_TRUE(whole.complete());
  EXPECT_EQ(whole.reset, "");
  EXPECT_TRUE(client_->usable());
}

TEST_F(Http2ClientTest, AWholeResponseStaysWholeWhenTheRestOfTheRequestIsRefused) {
  const StreamId id = client_->begin_upload({.method = "POST"});
  send_page(id, "enough");
  send_reset(id, NGHTTP2_NO_ERROR);
  client_->send_data(id, std::string(100'000, 'x'));  // more than the window; does not wait
  const Response response = client_->wait(id);
  EXPECT_EQ(response.body, "enough");
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(response.reset, "NO_ERROR");
}

TEST_F(Http2ClientTest, ALostConnectionCutsAllStreams) {
  const StreamId begun = client_->begin({.target = "/1"});
  const StreamId unheard = client_->begin({.target = "/2"});
  send_head(begun, {{":status", "200"}});
  (void)next_frame(NGHTTP2_HEADERS);
  (void)next_frame(NGHTTP2_HEADERS);
  peer_.reset();
  const Response cut = client_->wait(begun);
  EXPECT_FALSE(cut.complete());
  EXPECT_EQ(cut.reset, "") << "nobody reset the stream";
  EXPECT_EQ(client_->wait(unheard).status, 0);
  EXPECT_TRUE(client_->closed_by_peer());
  EXPECT_FALSE(client_->usable());
  EXPECT_THROW(client_->get("/3"), UnexpectedEnd);
}

TEST_F(Http2ClientTest, AGoawayLeavesTheStreamsBeforeIt) {
  const StreamId first = client_->begin({.target = "/1"});
  const StreamId second = client_->begin({.target = "/2"});
  EXPECT_TRUE(client_->usable());
  send(NGHTTP2_GOAWAY, 0, 0,
       number(static_cast<std::uint32_t>(first), 4) + number(NGHTTP2_NO_ERROR, 4) + "bye");
  send_page(first, "served");
  EXPECT_EQ(client_->wait(first).body, "served");
  EXPECT_FALSE(client_->wait(second).complete());
  EXPECT_FALSE(client_->usable());
  const Goaway seen = client_->goaway();
  EXPECT_EQ(seen.last_stream, first);
  EXPECT_EQ(seen.code, "NO_ERROR");
  EXPECT_EQ(seen.debug, "bye");
  EXPECT_FALSE(client_->get("/3").complete()) << "no stream begins after it";
  EXPECT_FALSE(client_->closed_by_peer(Millis{1}));
}

TEST_F(Http2ClientTest, AStreamThatIsNotReadGetsNoWindow) {
  const StreamId unread = client_->begin({.target = "/big"});
  const StreamId other = client_->begin({.target = "/small"});
  send_head(unread, {{":status", "200"}});
  for (int i = 0; i < 3; ++i) send(NGHTTP2_DATA, 0, unread, std::string(16384, 'x'));
  send_page(other, "small");
  EXPECT_EQ(client_->wait(other).body, "small");
  EXPECT_EQ(next_frame(NGHTTP2_WINDOW_UPDATE).stream, 0) << "the connection's";
  client_->begin({.target = "/mark"});
  EXPECT_EQ(next_frame().type, NGHTTP2_HEADERS) << "and no other";
  EXPECT_EQ(client_->receive(unread, 40'000).size(), 40'000U);
  EXPECT_EQ(next_frame(NGHTTP2_WINDOW_UPDATE).stream, unread);
}

TEST_F(Http2ClientTest, AnUploadKeepsToTheWindows) {
  const StreamId id = client_->begin_upload({.method = "POST", .target = "/up"});
  client_->offer_data(id, std::string(100'000, 'x'));
  EXPECT_EQ(client_->unsent(id), 100'000U - 65'535U);
  send(NGHTTP2_WINDOW_UPDATE, 0, 0, number(100'000, 4));
  send(NGHTTP2_WINDOW_UPDATE, 0, id, number(100'000, 4));
  client_->send_data(id, "end");
  EXPECT_EQ(client_->unsent(id), 0U);
  client_->end(id, {{"X-Sum", "7"}});
  (void)next_frame(NGHTTP2_HEADERS);
  std::string body;
  Frame frame = next_frame();
  for (; frame.type != NGHTTP2_HEADERS; frame = next_frame()) {
    if (frame.type == NGHTTP2_DATA) body += frame.payload;
  }
  EXPECT_EQ(body.size(), 100'003U);
  EXPECT_TRUE(body.ends_with("xend"));
  EXPECT_EQ(inflate(frame.payload).to_wire(), "x-sum: 7\r\n");
  EXPECT_EQ(frame.flags & NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_END_STREAM);
}

TEST_F(Http2ClientTest, AStreamCanBeReset) {
  const StreamId id = client_->begin({.target = "/1"});
  client_->reset(id);
  const Frame frame = next_frame(NGHTTP2_RST_STREAM);
  EXPECT_EQ(frame.stream, id);
  EXPECT_EQ(to_number(frame.payload), static_cast<std::uint32_t>(NGHTTP2_CANCEL));
  const Response response = client_->wait(id);
  EXPECT_FALSE(response.complete());
  EXPECT_EQ(response.reset, "") << "not by the peer";
  EXPECT_THROW(client_->reset(id, "NO_SUCH_CODE"), std::invalid_argument);
}

TEST_F(Http2ClientTest, ThePeersSettingsAreKnown) {
  const Http2Settings settings = client_->peer_settings();
  EXPECT_EQ(settings.max_concurrent_streams, 7U);
  EXPECT_TRUE(settings.extended_connect);
  EXPECT_FALSE(settings.no_rfc7540_priorities);
  EXPECT_EQ(settings.initial_window_size, 65'535U);
  EXPECT_EQ(settings.max_frame_size, 16'384U);
}

TEST_F(Http2ClientTest, APingIsOverWhenItIsAnswered) {
  EXPECT_THROW(client_->ping(Millis{1}), TimedOut);
  const Frame ping = next_frame(NGHTTP2_PING);
  EXPECT_EQ(ping.flags, 0);
  send(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, ping.payload);
  send(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, ping.payload);
  client_->ping();
}

TEST_F(Http2ClientTest, APeerThatBreaksTheRulesIsFoundOut) {
  const StreamId id = client_->begin({.target = "/1"});
  send_head(id, {{":status", "200"}, {"connection", "close"}});
  EXPECT_THROW((void)client_->wait(id), SocketError);
}

TEST_F(Http2ClientTest, AValueThatMustNotBeIsFoundOut) {
  const StreamId id = client_->begin({.target = "/1"});
  send_head(id, {{":status", "200"}, {"x-a", "line\nfeed"}});
  EXPECT_THROW((void)client_->wait(id), SocketError);
}

TEST_F(Http2ClientTest, ABodyOfAnotherLengthThanAnnouncedIsFoundOut) {
  const StreamId id = client_->begin({.target = "/1"});
  send_head(id, {{":status", "200"}, {"content-length", "10"}});
  send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, "short");
  EXPECT_THROW((void)client_->wait(id), SocketError);
}

TEST_F(Http2ClientTest, UsersWhoShareAConnectionHaveTheirOwnCookies) {
  User ann{client_};
  User ben{client_};
  std::vector<std::string> cookies;
  std::thread serving([&] {
    for (int i = 0; i < 4; ++i) {
      const Frame head = next_frame(NGHTTP2_HEADERS);
      cookies.push_back(inflate(head.payload).get("cookie"));
      const std::string number = std::to_string(i);
      send_head(head.stream,
                {{":status", "200"}, {"x-node", "n" + number}, {"set-cookie", "bonedry=" + number}},
                NGHTTP2_FLAG_END_STREAM);
    }
  });
  for (User* const user : {&ann, &ben, &ann, &ben}) EXPECT_EQ(user->click().status, 200);
  serving.join();
  EXPECT_THAT(cookies, testing::ElementsAre("", "", "bonedry=0", "bonedry=1"));
  EXPECT_EQ(ann.cookie(), "2");
  EXPECT_EQ(ann.node(), "n2");
}

}  // namespace
}  // namespace bonedry::test
