// What goes to the peer, and the end of our side.
#include "proxy/base/unique_fd.h"
#include "proxy/tls/tls_transport.h"
#include "tests/unit/tls/tls_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

namespace bonedry::tls::test {
namespace {

using io::IoStatus;
using io::Ready;
using proxy::test::ScriptedTransport;
using testing::HasSubstr;
using testing::IsEmpty;

class TlsTransportSendTest : public TlsPair {
 protected:
  /// The wire takes so many bytes more.
  void take_more(std::size_t bytes) {
    wire_->takes_bytes = bytes;
    wire_->become_writable();
  }
};
INSTANTIATE_TEST_SUITE_P(All, TlsTransportSendTest, kEverySetting, name_of);

// -- Data to the peer -----------------------------------------------------------------------------

TEST_P(TlsTransportSendTest, SendsDataOfAnySize) {
  open();
  for (const std::size_t size : {1U, 2U, 16U * 1024, 16U * 1024 + 1, 200U * 1024}) {
    queue(text_of(size));
    user_.write();
    EXPECT_EQ(user_.sent, IoStatus::done);
    EXPECT_TRUE(user_.queue.empty());
    carry_to_peer();
    EXPECT_TRUE(peer_received_ == text_of(size)) << size;
    peer_received_.clear();
  }
}

TEST_P(TlsTransportSendTest, PutsShortSlicesTogetherInOneRecord) {
  open();
  for (int slice = 0; slice < 30; ++slice) {
    BlockRef block = blocks_.take();
    std::fill_n(block->data(), 10, 'a');
    user_.queue.push(Slice{block, block->data(), 10});
  }
  user_.write();
  EXPECT_LT(wire_->written.size(), 350U) << "one header and one tag";
  carry_to_peer();
  EXPECT_EQ(peer_received_, std::string(300, 'a'));
}

TEST_P(TlsTransportSendTest, SendsMoreSlicesThanOneCallGathers) {
  open();
  std::string all;
  for (int slice = 0; slice < 200; ++slice) {
    const std::string text = text_of(static_cast<std::size_t>(slice) * 7 + 1);
    BlockRef block = blocks_.take();
    std::copy(text.begin(), text.end(), block->data());
    user_.queue.push(Slice{block, block->data(), text.size()});
    all += text;
  }
  user_.write();
  EXPECT_EQ(user_.sent, IoStatus::done);
  carry_to_peer();
  EXPECT_TRUE(peer_received_ == all);
}

TEST_P(TlsTransportSendTest, KeepsBytesInTheQueueUntilTheirRecordsAreTaken) {
  open();
  const std::string all = text_of(200 * 1024);
  queue(all);
  wire_->takes_bytes = 0;
  user_.write();
  EXPECT_EQ(user_.sent, IoStatus::would_block);
  EXPECT_EQ(wire_->wanted(), Ready::both);
  for (int step = 0; step < 1000 && !user_.queue.empty(); ++step) {
    take_more(777);
    carry_to_peer();
    ASSERT_GE(user_.queue.bytes() + peer_received_.size(), all.size()) << "none is nowhere";
  }
  EXPECT_EQ(user_.sent, IoStatus::done);
  EXPECT_TRUE(peer_received_ == all) << "without loss, none twice";
  EXPECT_EQ(wire_->wanted(), Ready::read);
}

TEST_P(TlsTransportSendTest, DropsNothingOfABatchBeforeItsLastByte) {
  open();
  queue(text_of(5000));
  wire_->takes_bytes = 5000;  // with headers and tags it is more
  user_.write();
  EXPECT_EQ(user_.sent, IoStatus::would_block);
  EXPECT_EQ(user_.queue.bytes(), 5000U);
  queue("more");  // behind what is encrypted already
  take_more(SIZE_MAX);
  EXPECT_EQ(user_.sent, IoStatus::done);
  carry_to_peer();
  EXPECT_EQ(peer_received_, text_of(5000) + "more");
}

TEST_P(TlsTransportSendTest, SendsWhatIsEncryptedEvenIfTheUserPauses) {
  open();
  queue("0123456789");
  wire_->takes_bytes = 5;
  user_.write();
  ASSERT_EQ(user_.sent, IoStatus::would_block);
  transport_->want(Ready::read);
  user_.events.clear();
  take_more(SIZE_MAX);
  EXPECT_EQ(wire_->wanted(), Ready::read) << "or the loop would never wait";
  EXPECT_THAT(user_.events, IsEmpty()) << "it did not want them";
  EXPECT_EQ(user_.queue.bytes(), 10U) << "it is the user's";
  user_.write();
  EXPECT_EQ(user_.sent, IoStatus::done);
  EXPECT_TRUE(user_.queue.empty());
  carry_to_peer();
  EXPECT_EQ(peer_received_, "0123456789");
}

TEST_P(TlsTransportSendTest, SendsAnAlertBehindAPartOfARecord) {
  open();
  queue("0123456789");
  wire_->takes_bytes = 5;
  user_.write();
  wire_->receive(std::string(100, 'x'));
  ASSERT_EQ(user_.end, IoStatus::failed);
  take_more(SIZE_MAX);
  carry_to_peer();
  EXPECT_EQ(peer_received_, "0123456789");
  EXPECT_THAT(peer_->error(), HasSubstr("alert"));
}

TEST_P(TlsTransportSendTest, UpdatesItsKeysInTheMiddle) {
  if (!is_1_3()) return;
  open();
  const std::string all = text_of(100'000);
  queue(all);
  wire_->takes_bytes = 1000;
  user_.write();
  for (int update = 0; update < 3; ++update) {
    peer_->update_keys(SSL_KEY_UPDATE_REQUESTED);
    peer_->write("x");
    carry_to_us();
    take_more(20'000);
    carry_to_peer();
  }
  take_more(SIZE_MAX);
  carry_to_peer();
  EXPECT_EQ(user_.sent, IoStatus::done);
  EXPECT_EQ(user_.received, "xxx");
  EXPECT_TRUE(peer_received_ == all) << peer_->error();
}

TEST_P(TlsTransportSendTest, APeerThatAsksForAnswersAndDoesNotReadThemIsCutOff) {
  if (!is_1_3()) return;
  open();
  wire_->takes_bytes = 0;
  int updates = 0;
  for (; updates < 10'000 && !user_.end; ++updates) {
    peer_->update_keys(SSL_KEY_UPDATE_REQUESTED);
    carry_to_us();
  }
  EXPECT_EQ(user_.end, IoStatus::failed) << "a peer must not fill our memory";
  EXPECT_GT(updates, 100) << "but some are ordinary";
  take_more(SIZE_MAX);
  EXPECT_LT(wire_->written.size(), 100U * 1024);
}

TEST_P(TlsTransportSendTest, RefusesToRenegotiate) {
  if (is_1_3() || !is_server()) return;
  open();
  ASSERT_EQ(SSL_renegotiate(peer_->ssl()), 1);
  peer_->shake_hands();
  carry_to_us();
  settle();
  EXPECT_FALSE(user_.end);
  EXPECT_THAT(user_.received, IsEmpty());
  peer_->receive(std::exchange(wire_->written, {}));
  peer_->shake_hands();
  EXPECT_THAT(peer_->error(), HasSubstr("no renegotiation"));
}

// -- The end of our side --------------------------------------------------------------------------

TEST_P(TlsTransportSendTest, ShutdownEndsTheSideBelowAfterTheCloseNotify) {
  open();
  transport_->shutdown_write();
  EXPECT_EQ(wire_->own_side, ScriptedTransport::Side::ended);
  carry_to_peer();
  EXPECT_EQ(peer_->state(), MemoryPeer::State::closed);
  queue("late");
  user_.write();
  EXPECT_EQ(user_.sent, IoStatus::failed);
  EXPECT_THAT(wire_->written, IsEmpty());
}

TEST_P(TlsTransportSendTest, ShutdownWaitsUntilTheCloseNotifyIsTaken) {
  open();
  wire_->takes_bytes = 3;
  transport_->shutdown_write();
  EXPECT_EQ(wire_->own_side, ScriptedTransport::Side::open);
  EXPECT_TRUE(has(wire_->wanted(), Ready::write));
  transport_->want(Ready::read);
  EXPECT_TRUE(has(wire_->wanted(), Ready::write)) << "whatever the user wants";
  take_more(SIZE_MAX);
  EXPECT_EQ(wire_->own_side, ScriptedTransport::Side::ended);
  EXPECT_EQ(wire_->wanted(), Ready::read);
  EXPECT_THAT(user_.events, IsEmpty());
  carry_to_peer();
  EXPECT_EQ(peer_->state(), MemoryPeer::State::closed);
}

TEST_P(TlsTransportSendTest, ShutdownWithinARecordSendsItFirst) {
  open();
  queue("0123456789");
  wire_->takes_bytes = 5;
  user_.write();
  transport_->shutdown_write();
  EXPECT_EQ(wire_->own_side, ScriptedTransport::Side::open);
  transport_->want(Ready::read);
  take_more(SIZE_MAX);
  EXPECT_EQ(wire_->own_side, ScriptedTransport::Side::ended);
  EXPECT_EQ(wire_->wanted(), Ready::read);
  carry_to_peer();
  EXPECT_EQ(peer_received_, "0123456789");
  EXPECT_EQ(peer_->state(), MemoryPeer::State::closed);
}

TEST_P(TlsTransportSendTest, ThePeerMayGoOnAfterOurShutdown) {
  open();
  transport_->shutdown_write();
  if (is_1_3()) peer_->update_keys(SSL_KEY_UPDATE_REQUESTED);
  peer_->write("still here");
  peer_->close();
  carry_to_us();
  settle();
  EXPECT_EQ(user_.received, "still here");
  EXPECT_EQ(user_.end, IoStatus::closed);
}

TEST_P(TlsTransportSendTest, ShutdownBeforeTheHandshakeSendsNoCloseNotify) {
  make();
  transport_->shutdown_write();
  EXPECT_THAT(wire_->written, IsEmpty());
  EXPECT_EQ(wire_->own_side, ScriptedTransport::Side::ended);
}

TEST_P(TlsTransportSendTest, NothingIsSentAfterResetOnClose) {
  open();
  queue("0123456789");
  wire_->takes_bytes = 5;
  user_.write();
  transport_->reset_on_close();
  wire_->written.clear();
  take_more(SIZE_MAX);
  EXPECT_EQ(user_.sent, IoStatus::failed);
  EXPECT_THAT(wire_->written, IsEmpty());
}

// -- Over a socket --------------------------------------------------------------------------------

/// The wire is a pair of sockets, so that it can outlive the transport, and break.
class TlsSocketTest : public TlsTransportSendTest {
 protected:
  /// Makes both ends, over a new pair of sockets.
  void make_over_socket() {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()), 0);
    there_ = UniqueFd(pair[1]);
    transport_ = std::make_unique<TlsTransport>(TransportContext{loop_, blocks_}, connection(),
                                                UniqueFd(pair[0]));
    user_.transport = transport_.get();
    transport_->attach(user_);
  }
  void connect() {
    make_over_socket();
    user_.open();
    for (int turn = 0; turn < kTurns; ++turn) exchange();
    ASSERT_EQ(user_.opened, IoStatus::done) << transport_->error_text();
    ASSERT_TRUE(peer_->is_open()) << peer_->error();
  }
  void exchange() {
    from_socket();
    if (!peer_->is_open()) peer_->shake_hands();
    to_socket();
    turn_loop();
  }
  void to_socket() {
    const std::string bytes = peer_->take();
    ASSERT_EQ(::send(there_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Gives the peer what has come; what it delivers is added up.
  void from_socket() {
    std::string bytes(1 << 20, '\0');
    const ssize_t size = ::recv(there_.get(), bytes.data(), bytes.size(), 0);
    if (size > 0) peer_->receive(std::string_view(bytes).substr(0, static_cast<std::size_t>(size)));
    if (peer_->is_open()) peer_received_ += peer_->read();
  }

  UniqueFd there_;
};
INSTANTIATE_TEST_SUITE_P(All, TlsSocketTest, kEverySetting, name_of);

TEST_P(TlsSocketTest, SaysGoodByeWhenItIsDestroyed) {
  connect();
  transport_.reset();
  from_socket();
  EXPECT_EQ(peer_->state(), MemoryPeer::State::closed);
}

TEST_P(TlsSocketTest, SaysNoGoodByeAfterResetOnClose) {
  connect();
  transport_->reset_on_close();
  transport_.reset();
  from_socket();
  EXPECT_EQ(peer_->state(), MemoryPeer::State::open);
}

TEST_P(TlsSocketTest, DeliversAllButSaysNoGoodByeIfItEndsIncomplete) {
  connect();
  queue("half of it");
  user_.write();
  transport_->end_incomplete();
  transport_.reset();
  from_socket();
  EXPECT_EQ(peer_received_, "half of it");
  EXPECT_EQ(peer_->state(), MemoryPeer::State::open);
}

TEST_P(TlsSocketTest, SaysNoGoodByeWhileDataIsMissing) {
  connect();
  queue(text_of(4'000'000));
  user_.write();
  ASSERT_EQ(user_.sent, IoStatus::would_block);
  transport_.reset();
  for (int turn = 0; turn < 200; ++turn) from_socket();
  EXPECT_EQ(peer_->state(), MemoryPeer::State::open) << "it must not think that this was all";
  EXPECT_GT(peer_received_.size(), 0U);
}

TEST_P(TlsSocketTest, SaysNoGoodByeIfTheQueueIsNotDoneButTheWireIs) {
  connect();
  queue(text_of(4'000'000));
  user_.write();
  ASSERT_EQ(user_.sent, IoStatus::would_block);
  transport_->want(Ready::read);
  for (int turn = 0; turn < 200; ++turn) {
    from_socket();
    turn_loop();
  }
  transport_.reset();
  from_socket();
  EXPECT_EQ(peer_->state(), MemoryPeer::State::open);
}

TEST_P(TlsSocketTest, SaysNoGoodByeBeforeTheHandshakeIsOver) {
  make_over_socket();
  EXPECT_EQ(transport_->open(), IoStatus::would_block);
  std::string bytes(10'000, '\0');
  (void)::recv(there_.get(), bytes.data(), bytes.size(), 0);
  transport_.reset();
  EXPECT_EQ(::recv(there_.get(), bytes.data(), bytes.size(), 0), 0) << "the end, and nothing else";
}

TEST_P(TlsSocketTest, SendsMuchToASlowReader) {
  connect();
  const std::string all = text_of(3'000'000);
  queue(all);
  user_.write();
  ASSERT_EQ(user_.sent, IoStatus::would_block);
  for (int turn = 0; turn < 2000 && !user_.queue.empty(); ++turn) exchange();
  from_socket();
  EXPECT_TRUE(peer_received_ == all);
}

TEST_P(TlsSocketTest, ReadsWhatCameBeforeAFailureToWrite) {
  connect();
  transport_->want(Ready::none);
  peer_->write("413 too large");
  peer_->close();
  to_socket();
  from_socket();
  there_ = UniqueFd();
  queue("the rest of a body");
  EXPECT_EQ(transport_->write(user_.queue, io::Push::now), IoStatus::failed);
  EXPECT_EQ(transport_->error(), EPIPE);
  EXPECT_FALSE(transport_->error_text().empty());
  EXPECT_EQ(user_.read().status, IoStatus::done);
  EXPECT_EQ(user_.received, "413 too large");
  EXPECT_EQ(user_.read().status, IoStatus::closed);
}

}  // namespace
}  // namespace bonedry::tls::test
