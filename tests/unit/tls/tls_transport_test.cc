// The handshake, and what comes from the peer.
#include "proxy/tls/tls_transport.h"

#include "tests/unit/tls/tls_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace bonedry::tls::test {
namespace {

using io::IoStatus;
using io::Ready;
using io::Unread;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

class TlsTransportTest : public TlsPair {
 protected:
  void carry_to_us_bytewise() {
    for (const char byte : peer_->take()) wire_->receive({&byte, 1});
  }
  /// The bytes wait below: we are not told of them.
  void arrive_untold(std::string_view bytes) {
    transport_->want(Ready::none);
    wire_->receive(bytes);
  }
};
INSTANTIATE_TEST_SUITE_P(All, TlsTransportTest, kEverySetting, name_of);

// -- The handshake --------------------------------------------------------------------------------

TEST_P(TlsTransportTest, ShakesHandsByteByByte) {
  make();
  EXPECT_EQ(transport_->tls(), nullptr);
  user_.open();
  EXPECT_EQ(user_.opened, IoStatus::would_block);
  for (int turn = 0; turn < 5; ++turn) {
    carry_to_peer();
    carry_to_us_bytewise();
  }
  EXPECT_EQ(user_.opened, IoStatus::done) << transport_->error_text();
  EXPECT_TRUE(peer_->is_open()) << peer_->error();
  ASSERT_NE(transport_->tls(), nullptr);
  EXPECT_EQ(transport_->tls()->version, is_1_3() ? "TLSv1.3" : "TLSv1.2");
  EXPECT_EQ(transport_->tls()->cipher, SSL_get_cipher_name(peer_->ssl()));
  EXPECT_EQ(transport_->tls()->resumed, io::TlsInfo::Resumed::no);
  EXPECT_EQ(transport_->tls()->peer_certificate, "") << "no client has shown one";
  EXPECT_EQ(transport_->open(), IoStatus::done) << "again";
}

TEST_P(TlsTransportTest, WaitsForThePeerToReadTheHandshake) {
  make();
  wire_->takes_bytes = 10;
  user_.open();
  if (is_server()) {
    peer_->shake_hands();
    carry_to_us();
  }
  EXPECT_EQ(wire_->wanted(), Ready::both) << "the rest has to leave";
  EXPECT_EQ(wire_->written.size(), 10U);
  wire_->takes_bytes = SIZE_MAX;
  wire_->become_writable();
  EXPECT_GT(wire_->written.size(), 10U);
  EXPECT_EQ(wire_->wanted(), Ready::read);
  for (int turn = 0; turn < 5; ++turn) {
    carry_to_peer();
    carry_to_us();
  }
  EXPECT_EQ(user_.opened, IoStatus::done);
}

TEST_P(TlsTransportTest, ConnectsFirstIfItIsTheClient) {
  if (is_server()) return;
  make();
  wire_->openings = {IoStatus::would_block, IoStatus::would_block};
  transport_->send_first("PROXY\r\n");
  user_.open();
  EXPECT_EQ(wire_->wanted(), Ready::write);
  wire_->become_writable();
  EXPECT_EQ(wire_->wanted(), Ready::write);
  wire_->become_writable();
  EXPECT_EQ(wire_->wanted(), Ready::read) << "connected; for the ServerHello";
  ASSERT_TRUE(wire_->written.starts_with("PROXY\r\n\x16\x03")) << "before the ClientHello";
}

TEST_P(TlsTransportTest, SaysWhyItCannotConnect) {
  if (is_server()) return;
  make();
  wire_->openings = {IoStatus::failed};
  wire_->opening_error = ECONNREFUSED;
  user_.open();
  EXPECT_EQ(user_.opened, IoStatus::failed);
  EXPECT_EQ(transport_->error(), ECONNREFUSED);
  EXPECT_EQ(transport_->error_text(), std::to_string(ECONNREFUSED));
  EXPECT_THAT(wire_->written, IsEmpty());
}

TEST_P(TlsTransportTest, FailsIfThePeerClosesDuringTheHandshake) {
  make();
  user_.open();
  wire_->receive_end();
  EXPECT_EQ(user_.opened, IoStatus::failed);
  EXPECT_EQ(transport_->error(), EPROTO);
  EXPECT_THAT(transport_->error_text(), HasSubstr("closed the connection during"));
}

TEST_P(TlsTransportTest, FailsIfTheConnectionBreaksDuringTheHandshake) {
  make();
  user_.open();
  wire_->fail(ECONNRESET);
  EXPECT_EQ(user_.opened, IoStatus::failed);
  EXPECT_EQ(transport_->error(), ECONNRESET);
}

TEST_P(TlsTransportTest, RefusesPlainHttp) {
  make();
  user_.open();
  wire_->written.clear();
  wire_->receive(is_server() ? "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
                             : "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(user_.opened, IoStatus::failed);
  EXPECT_EQ(transport_->error(), EPROTO);
  EXPECT_THAT(transport_->error_text(), HasSubstr(is_server() ? "http request" : "version"));
  EXPECT_EQ(transport_->tls(), nullptr);
  EXPECT_EQ(user_.read().status, IoStatus::failed);
  queue("secret");
  user_.write();
  EXPECT_EQ(user_.sent, IoStatus::failed);
  EXPECT_THAT(wire_->written, Not(HasSubstr("secret")));
}

TEST_P(TlsTransportTest, TellsThePeerWhyAHandshakeFailed) {
  if (!is_server()) return;
  make();
  SSL_set_cipher_list(peer_->ssl(), "ECDHE-ECDSA-AES256-SHA");
  SSL_set_ciphersuites(peer_->ssl(), "TLS_AES_128_CCM_SHA256");
  user_.open();
  peer_->shake_hands();
  carry_to_us();
  EXPECT_EQ(user_.opened, IoStatus::failed);
  EXPECT_THAT(transport_->error_text(), HasSubstr("no shared cipher"));
  carry_to_peer();
  EXPECT_THAT(peer_->error(), HasSubstr("handshake failure"));
}

TEST_P(TlsTransportTest, TakesWhatWasReadBeforeIt) {
  if (!is_server()) return;
  make();
  peer_->shake_hands();
  const std::string hello = peer_->take();
  ReadBuffer received;
  ASSERT_GE(received.room(blocks_, 32'768).size(), hello.size());
  std::copy(hello.begin(), hello.end(), received.room(blocks_, 32'768).begin());
  received.filled(hello.size());
  const std::unique_ptr<MemoryPeer> client = std::move(peer_);
  make(std::move(received));
  user_.open();
  EXPECT_EQ(user_.opened, IoStatus::would_block);
  client->receive(wire_->written);
  client->shake_hands();
  wire_->receive(client->take());
  EXPECT_EQ(user_.opened, IoStatus::done);
}

TEST_P(TlsTransportTest, DeliversWhatCameWithTheEndOfTheHandshake) {
  if (!is_server()) return;  // only a client is ready first
  make();
  user_.open();
  peer_->shake_hands();
  carry_to_us();
  carry_to_peer();
  if (!is_1_3()) return;
  ASSERT_TRUE(peer_->is_open());
  peer_->write("GET /");
  const std::size_t reads_before = wire_->reads;
  carry_to_us();
  EXPECT_EQ(user_.opened, IoStatus::done);
  EXPECT_EQ(wire_->last_push, io::Push::with_next) << "tickets leave with the response";
  settle();
  EXPECT_EQ(user_.received, "GET /");
  EXPECT_EQ(wire_->reads, reads_before + 1) << "the request was in memory";
}

TEST_P(TlsTransportTest, SendsTicketsAtOnceIfNoRequestCameWithTheHandshake) {
  if (!is_server()) return;
  make();
  user_.open();
  for (int turn = 0; turn < 5; ++turn) {
    carry_to_peer();
    carry_to_us();
  }
  EXPECT_EQ(user_.opened, IoStatus::done);
  EXPECT_EQ(wire_->last_push, io::Push::now);
}

// -- Data from the peer ---------------------------------------------------------------------------

TEST_P(TlsTransportTest, ReceivesDataOfAnySize) {
  open();
  std::string all;
  for (const std::size_t size : {1U, 2U, 16U * 1024, 16U * 1024 + 1, 200U * 1024}) {
    all += text_of(size);
    peer_->write(text_of(size));
    carry_to_us();
    settle();
    EXPECT_EQ(user_.received.size(), all.size());
  }
  EXPECT_TRUE(user_.received == all);
}

TEST_P(TlsTransportTest, ReceivesRecordsInPiecesOfAnySize) {
  open();
  const std::string text = text_of(3000);
  for (const std::size_t size : {1U, 2U, 5U, 6U, 21U, 22U, 23U, 1000U, 3050U}) {
    std::string bytes = encrypted(text);
    bytes += encrypted("!");
    while (!bytes.empty()) {
      wire_->receive(bytes.substr(0, size));
      bytes.erase(0, size);
    }
    settle();
    EXPECT_TRUE(user_.received == text + "!") << size;
    user_.received.clear();
  }
}

TEST_P(TlsTransportTest, DeliversAllRecordsOfOneReadWithoutFurtherEvents) {
  open();
  std::string bytes;
  for (int record = 0; record < 5; ++record) bytes += encrypted(text_of(1000));
  user_.room = 300;
  wire_->receive(bytes);
  EXPECT_EQ(user_.received.size(), 300U);
  EXPECT_TRUE(transport_->has_pending_event());
  turn_loop();
  EXPECT_EQ(user_.received.size(), 600U) << "one event in each turn of the loop";
  settle();
  EXPECT_EQ(user_.received.size(), 5000U);
  EXPECT_FALSE(transport_->has_pending_event());
  EXPECT_THAT(user_.events, Each(Ready::read));
}

TEST_P(TlsTransportTest, DeliversTheRestWhenTheUserResumes) {
  open();
  user_.room = 400;
  wire_->receive(encrypted(text_of(1000)));
  transport_->want(Ready::none);
  settle();
  EXPECT_EQ(user_.received.size(), 400U) << "it has paused";
  transport_->want(Ready::write);
  settle();
  EXPECT_EQ(user_.received.size(), 400U) << "still";
  transport_->want(Ready::errors);
  settle();
  EXPECT_EQ(user_.received.size(), 400U) << "still";
  transport_->want(Ready::read);
  settle();
  EXPECT_EQ(user_.received, text_of(1000));
}

TEST_P(TlsTransportTest, DeliversTheEndWhenTheUserResumes) {
  open();
  const std::string bytes = encrypted("last words");
  peer_->close();
  user_.instead = [this] {
    user_.read();
    transport_->want(Ready::none);
  };
  wire_->receive(bytes + peer_->take());
  EXPECT_EQ(user_.received, "last words");
  EXPECT_FALSE(user_.end);
  transport_->want(Ready::read);
  settle();
  EXPECT_EQ(user_.end, IoStatus::closed);
}

TEST_P(TlsTransportTest, SaysWhetherMoreMayBeUnread) {
  open();
  const std::string one = encrypted("one");
  const std::string two = encrypted("two");
  arrive_untold(one);
  EXPECT_TRUE(transport_->has_unread());
  io::ReadResult result = user_.read();
  EXPECT_EQ(user_.received, "one");
  EXPECT_EQ(result.unread, Unread::none);
  EXPECT_FALSE(transport_->has_unread());

  arrive_untold(two.substr(0, 10));
  EXPECT_EQ(user_.read().status, IoStatus::would_block);
  EXPECT_TRUE(transport_->has_unread()) << "a part of a record";

  const std::string three = encrypted("three");
  arrive_untold(two.substr(10) + three.substr(0, 10));
  result = user_.read();
  EXPECT_EQ(user_.received, "onetwo");
  EXPECT_EQ(result.unread, Unread::possible);
  EXPECT_TRUE(transport_->has_unread());

  arrive_untold(three.substr(10));
  user_.room = 5;
  result = user_.read();
  EXPECT_EQ(user_.received, "onetwothree");
  EXPECT_EQ(result.unread, Unread::none);
  EXPECT_EQ(user_.read().status, IoStatus::would_block);
  EXPECT_FALSE(transport_->has_unread());
}

// -- The end of the peer's side -------------------------------------------------------------------

TEST_P(TlsTransportTest, ReportsTheEndAfterAllData) {
  open();
  user_.room = 100;
  peer_->write(text_of(1000));
  peer_->close();
  carry_to_us();
  wire_->receive_end();
  EXPECT_FALSE(user_.end);
  settle();
  EXPECT_EQ(user_.received, text_of(1000));
  EXPECT_EQ(user_.end, IoStatus::closed);
  EXPECT_EQ(user_.read().status, IoStatus::closed) << "again";
}

TEST_P(TlsTransportTest, AnEndWithoutCloseNotifyIsTruncated) {
  open();
  user_.room = 100;
  peer_->write(text_of(1000));
  carry_to_us();
  wire_->receive_end();
  settle();
  EXPECT_EQ(user_.received, text_of(1000));
  wire_->receive_end();  // level-triggered: told again as long as nobody has read it
  EXPECT_EQ(user_.end, IoStatus::truncated);
  EXPECT_EQ(user_.read().status, IoStatus::truncated) << "again";
}

TEST_P(TlsTransportTest, AnEndWithinARecordIsTruncated) {
  open();
  const std::string first = encrypted("first");
  const std::string second = encrypted("second");
  peer_->close();
  const std::string end = peer_->take();
  wire_->receive(first + second.substr(0, second.size() - 1));
  wire_->receive_end();
  settle();
  EXPECT_EQ(user_.received, "first");
  EXPECT_EQ(user_.end, IoStatus::truncated);
}

TEST_P(TlsTransportTest, AnEndWithinTheCloseNotifyIsTruncated) {
  open();
  peer_->close();
  std::string end = peer_->take();
  end.pop_back();
  wire_->receive(end);
  wire_->receive_end();
  EXPECT_EQ(user_.end, IoStatus::truncated);
}

TEST_P(TlsTransportTest, ReportsWhyTheConnectionBroke) {
  open();
  user_.room = 600;
  wire_->receive(encrypted(text_of(1000)));
  wire_->fail(ECONNRESET);
  settle();
  EXPECT_EQ(user_.received, text_of(1000)) << "it was here already";
  EXPECT_EQ(user_.end, IoStatus::failed);
  EXPECT_EQ(transport_->error(), ECONNRESET);
  EXPECT_FALSE(transport_->error_text().empty());
}

// -- What nobody who has the keys has sent --------------------------------------------------------

TEST_P(TlsTransportTest, RefusesARecordThatWasChanged) {
  for (const std::size_t place : {0U, 1U, 3U, 5U, 20U}) {
    peer_received_.clear();
    user_ = {};
    open();
    std::string bytes = encrypted("pay 10");
    bytes[place] = static_cast<char>(bytes[place] ^ 4);
    wire_->receive(bytes);
    if (!user_.end) wire_->receive(std::string(20'000, 'x'));  // a length may have grown
    EXPECT_EQ(user_.end, IoStatus::failed) << place;
    EXPECT_THAT(user_.received, IsEmpty()) << place;
    EXPECT_EQ(transport_->error(), EPROTO);
    EXPECT_TRUE(transport_->error_text().starts_with("TLS: ")) << transport_->error_text();
    carry_to_peer();
    EXPECT_EQ(peer_->state(), MemoryPeer::State::failed) << place;
    EXPECT_THAT(peer_->error(), HasSubstr("alert")) << place;
  }
}

TEST_P(TlsTransportTest, RefusesGarbageButDeliversWhatCameBefore) {
  open();
  wire_->receive(encrypted("good") + std::string(100, 'x'));
  settle();
  EXPECT_EQ(user_.received, "good");
  EXPECT_EQ(user_.end, IoStatus::failed);
  EXPECT_FALSE(transport_->error_text().empty());
  wire_->receive(encrypted("later"));
  EXPECT_EQ(user_.read().status, IoStatus::failed) << "for good";
  EXPECT_EQ(user_.received, "good");
}

TEST_P(TlsTransportTest, RefusesRecordsInAnotherOrder) {
  open();
  const std::string one = encrypted("one");
  const std::string two = encrypted("two");
  wire_->receive(two + one);
  EXPECT_EQ(user_.end, IoStatus::failed);
  EXPECT_THAT(user_.received, IsEmpty());
}

TEST_P(TlsTransportTest, RefusesRecordsThatComeTwice) {
  open();
  const std::string one = encrypted("one");
  wire_->receive(one);
  wire_->receive(one);
  EXPECT_EQ(user_.end, IoStatus::failed);
  EXPECT_EQ(user_.received, "one");
}

// -- Quiet ----------------------------------------------------------------------------------------

TEST_P(TlsTransportTest, IsQuietAsLongAsNothingComes) {
  open();
  EXPECT_TRUE(transport_->is_quiet());
  arrive_untold(encrypted("x"));
  EXPECT_FALSE(transport_->is_quiet());
  EXPECT_FALSE(transport_->is_quiet()) << "again";
  user_.read();
  EXPECT_EQ(user_.received, "x");
  EXPECT_TRUE(transport_->is_quiet());
}

TEST_P(TlsTransportTest, IsNotQuietWithAPartOfARecord) {
  open();
  const std::string bytes = encrypted("x");
  arrive_untold(bytes.substr(0, 10));
  EXPECT_FALSE(transport_->is_quiet()) << "an answer that nobody has asked for begins";
  arrive_untold(bytes.substr(10));
  EXPECT_FALSE(transport_->is_quiet());
  user_.read();
  EXPECT_EQ(user_.received, "x");
}

TEST_P(TlsTransportTest, IsNotQuietAfterTheEnd) {
  open();
  peer_->close();
  arrive_untold(peer_->take());
  EXPECT_FALSE(transport_->is_quiet());
  EXPECT_EQ(user_.read().status, IoStatus::closed);
}

TEST_P(TlsTransportTest, IsNotQuietAfterAnEndWithoutCloseNotify) {
  open();
  transport_->want(Ready::none);
  wire_->receive_end();
  EXPECT_FALSE(transport_->is_quiet());
  EXPECT_EQ(user_.read().status, IoStatus::truncated);
}

TEST_P(TlsTransportTest, IsNotQuietAfterAFailure) {
  open();
  arrive_untold("garbage instead of a record");
  EXPECT_FALSE(transport_->is_quiet());
  EXPECT_EQ(user_.read().status, IoStatus::failed);
}

TEST_P(TlsTransportTest, IsQuietAfterAReadThatFilledItsBuffer) {
  open();
  user_.room = 1000;
  peer_->write(std::string(1000, 'x'));
  carry_to_us();
  EXPECT_EQ(user_.received.size(), 1000U);
  EXPECT_TRUE(transport_->is_quiet());
  peer_->write(std::string(1500, 'x'));
  arrive_untold(peer_->take());
  EXPECT_EQ(user_.read().size, 1000U);
  EXPECT_FALSE(transport_->is_quiet());
  EXPECT_EQ(user_.read().size, 500U);
  EXPECT_TRUE(transport_->is_quiet());
}

TEST_P(TlsTransportTest, IsQuietAlthoughTicketsArrive) {
  if (is_server() || !is_1_3()) return;
  open();
  ASSERT_EQ(SSL_new_session_ticket(peer_->ssl()), 1);
  peer_->shake_hands();
  const std::string ticket = peer_->take();
  ASSERT_GT(ticket.size(), 100U);
  arrive_untold(ticket);
  EXPECT_TRUE(transport_->has_unread());
  EXPECT_TRUE(transport_->is_quiet());
  EXPECT_FALSE(transport_->has_unread());
}

TEST_P(TlsTransportTest, ManyKeyUpdatesHoldUpNobody) {
  if (!is_1_3()) return;
  open();
  for (int i = 0; i < 5000; ++i) peer_->update_keys(SSL_KEY_UPDATE_NOT_REQUESTED);
  peer_->write("at last");
  arrive_untold(peer_->take());
  int reads = 0;
  while (user_.received.empty() && reads < 100) {
    EXPECT_FALSE(transport_->is_quiet());
    EXPECT_NE(user_.read().status, IoStatus::failed);
    ++reads;
  }
  EXPECT_EQ(user_.received, "at last");
  EXPECT_GT(reads, 1);
}

TEST_P(TlsTransportTest, IsQuietAlthoughKeysAreUpdated) {
  if (!is_1_3()) return;
  open();
  for (const int type : {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED}) {
    peer_->update_keys(type);
    arrive_untold(peer_->take());
    EXPECT_TRUE(transport_->is_quiet());
    wire_->receive(encrypted("with new keys;"));
    user_.read();
    queue("and back;");
    user_.write();
    carry_to_peer();
  }
  EXPECT_EQ(user_.received, "with new keys;with new keys;");
  EXPECT_EQ(peer_received_, "and back;and back;") << peer_->error();
}

// -- A user that goes -----------------------------------------------------------------------------

TEST_P(TlsTransportTest, MayBeDestroyedInAnEvent) {
  open();
  user_.instead = [this] { transport_.reset(); };
  wire_->receive(encrypted("x"));
  EXPECT_FALSE(transport_);
  settle();
}

TEST_P(TlsTransportTest, MayBeDestroyedInADeferredEvent) {
  open();
  user_.room = 5;
  wire_->receive(encrypted("0123456789"));
  user_.instead = [this] { transport_.reset(); };
  ASSERT_TRUE(transport_->has_pending_event());
  turn_loop();
  EXPECT_FALSE(transport_);
}

TEST_P(TlsTransportTest, MayBeDestroyedBeforeADeferredEvent) {
  open();
  user_.room = 5;
  wire_->receive(encrypted("0123456789"));
  ASSERT_TRUE(transport_->has_pending_event());
  transport_.reset();
  turn_loop();
  EXPECT_EQ(user_.received, "01234");
}

}  // namespace
}  // namespace bonedry::tls::test
