#include "proxy/tls/tls_transport.h"

#include "proxy/base/ascii.h"
#include "proxy/base/file.h"
#include "proxy/tls/bio.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace bonedry::tls {

using io::IoStatus;
using io::Push;
using io::Ready;
using io::Unread;

namespace {

// RFC 8446, 5.1: what one record contains at most.
constexpr std::size_t kMaxRecord = 16 * 1024;
// A peer can use a record when it has all of it. So the first ones, and those after a pause, fit
// into a few packets.
constexpr std::size_t kFirstRecord = 4 * 1024;
constexpr std::size_t kFirstBytes = 64 * 1024;
constexpr Millis kPause{1000};
// Encrypted at a time: bounds the memory of a connection whose peer does not read.
constexpr std::size_t kMaxBatch = 64 * 1024;
// A batch, and what OpenSSL writes by itself. A peer that makes it write more without reading it,
// such as by key updates, is cut off.
constexpr std::size_t kMaxEncrypted = kMaxBatch + 32UL * 1024;
// Encrypted bytes that one call takes from below, at least: OpenSSL reads on as long as it gets
// only messages of its own, such as key updates, of which a peer may send any number.
constexpr std::size_t kMaxReceived = 32UL * 1024;
// More slices than one read produces; the rest goes with the next batch.
constexpr std::size_t kVectors = 64;

std::span<const char> bytes_of(const iovec& vector) {
  return {static_cast<const char*>(vector.iov_base), vector.iov_len};
}

std::string lower(const char* name) {
  std::string text = name == nullptr ? "" : name;
  std::ranges::transform(text, text.begin(), ascii::to_lower);
  return text;
}

/// What is in the queue would be taken for an error of the next call. Clearing an empty queue costs
/// more than looking (OpenSSL 3.0).
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

std::string der_of(const X509* certificate) {
  if (certificate == nullptr) return {};
  std::string der(static_cast<std::size_t>(std::max(i2d_X509(certificate, nullptr), 0)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(certificate, &at);
  return der;
}

/// The last of several, which is the most specific. Longer ones than RFC 5280 allows are left out.
std::string common_name_of(const X509* certificate) {
  constexpr int kMax = 64;
  if (certificate == nullptr) return {};
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  int at = -1;
  for (int next = 0; next >= 0;) {
    next = X509_NAME_get_index_by_NID(subject, NID_commonName, at);
    if (next >= 0) at = next;
  }
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  std::string name;
  if (size > 0 && size <= kMax)
    name.assign(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

}  // namespace

TlsTransport::TlsTransport(TransportContext context, Connection connection,
                           io::TransportSource below, ReadBuffer received)
    : context_(context),
      owner_(std::move(connection.context)),
      ssl_(std::move(connection.ssl)),
      below_(context.loop, std::move(below)),
      received_(std::move(received)),
      deferred_(context.loop, [this] { on_deferred(); }),
      handshake_wants_(SSL_is_server(ssl_.get()) != 0 ? Ready::read : Ready::write) {
  set_bio(*ssl_, *this);
  below_->attach(*this);
}

/// Says good-bye (close_notify) unless the peer must notice that the data is incomplete.
TlsTransport::~TlsTransport() {
  if (state_ == State::open && ending_ == Ending::no && encrypted_.empty() && in_flight_ == 0) {
    (void)SSL_shutdown(ssl_.get());
    (void)send_encrypted(Push::now);
  }
  // Otherwise OpenSSL would make the session unusable for resumption.
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ERR_clear_error();
}

// -- Events ---------------------------------------------------------------------------------------

void TlsTransport::attach(Handler& handler) {
  handler_ = &handler;
}

void TlsTransport::want(Ready events) {
  wanted_ = events;
  update_interest();
}

/// During the handshake OpenSSL decides; afterwards the handler does. What is encrypted must leave
/// in any case.
void TlsTransport::update_interest() {
  Ready events = state_ == State::opening && wanted_ != Ready::none ? handshake_wants_ : wanted_;
  const bool only_errors = events == Ready::errors;
  if (!encrypted_.empty()) events = only_errors ? Ready::write : events | Ready::write;
  below_->want(events);
  const bool in_memory =
      buffered_ == Buffered::something || (state_ == State::opening && !received_.empty());
  const bool told_soon = in_memory && !only_errors && has(wanted_, Ready::read);
  told_soon ? deferred_.schedule() : deferred_.cancel();
}

/// Nothing if the kernel does not watch the socket.
Ready TlsTransport::wanted() const {
  return below_->wanted() == Ready::none ? Ready::none : wanted_;
}

bool TlsTransport::has_pending_event() const {
  return deferred_.scheduled() || below_->has_pending_event();
}

void TlsTransport::on_ready(Ready ready) {
  if (state_ == State::opening) return handler_->on_ready(ready);
  if (has(ready, Ready::read)) unread_ = Unread::possible;
  if (has(ready, Ready::write)) send_waiting();
  if (wanted_ == Ready::errors) return handler_->on_ready(ready);
  Ready told = Ready::none;
  if (has(ready, Ready::read) && has(wanted_, Ready::read)) told = told | Ready::read;
  if (has(ready, Ready::write) && has(wanted_, Ready::write)) told = told | Ready::write;
  if (told == Ready::none) return update_interest();
  handler_->on_ready(told);
}

void TlsTransport::on_watch_failed(int error) {
  handler_->on_watch_failed(error);
}

void TlsTransport::on_deferred() {
  if (has(wanted_, Ready::read) && wanted_ != Ready::errors) handler_->on_ready(Ready::read);
}

// -- Opening --------------------------------------------------------------------------------------

IoStatus TlsTransport::open() {
  if (state_ == State::open) return IoStatus::done;
  if (SSL_is_server(ssl_.get()) == 0) {
    const IoStatus connected = below_->open();
    if (connected == IoStatus::would_block) handshake_wants_ = Ready::write;
    if (connected == IoStatus::failed) return fail(below_->error(), below_->error_text());
    if (connected != IoStatus::done) return connected;
  }
  const IoStatus status = shake_hands();
  if (status == IoStatus::closed || status == IoStatus::truncated) {
    return fail(EPROTO, "the peer closed the connection during the TLS handshake");
  }
  return status;
}

IoStatus TlsTransport::shake_hands() {
  begin_receiving();
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  const IoStatus status = result == 1 ? IoStatus::done : to_status(result);
  // The first request may have come together with the end of the handshake. Then the session
  // tickets leave with the response, or when the kernel has waited 200 ms for it (MSG_MORE).
  const bool more_came = SSL_has_pending(ssl_.get()) != 0 || !received_.empty();
  const bool response_follows = status == IoStatus::done && more_came && SSL_is_server(ssl_.get());
  const IoStatus sent = send_encrypted(response_follows ? Push::with_next : Push::now);
  if (status == IoStatus::failed) return status;
  if (sent == IoStatus::failed) return fail(error_, below_->error_text());
  handshake_wants_ = Ready::read;
  if (status != IoStatus::done) return status;
  state_ = State::open;
  if (more_came) buffered_ = Buffered::something;
  note_info();
  return status;
}

void TlsTransport::note_info() {
  io::TlsInfo info;
  SSL* const ssl = ssl_.get();
  info.version = SSL_get_version(ssl);
  info.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
  info.server_name = lower(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  info.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  if (SSL_is_server(ssl) != 0) note_client_certificate(info);
  if (SSL_session_reused(ssl) == 1) info.resumed = io::TlsInfo::Resumed::yes;
  info_ = std::make_shared<const io::TlsInfo>(std::move(info));
}

/// Nobody asks what certificate a server has shown: it was verified, or need not be.
void TlsTransport::note_client_certificate(io::TlsInfo& info) {
  const X509* const client = SSL_get0_peer_certificate(ssl_.get());
  info.peer_certificate = der_of(client);
  info.peer_common_name = common_name_of(client);
  const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl_.get());
  for (int at = 1; at < sk_X509_num(chain); ++at) {
    info.peer_issuers.push_back(der_of(sk_X509_value(chain, at)));
  }
}

/// What a result of OpenSSL that is no success means.
IoStatus TlsTransport::to_status(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return IoStatus::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return IoStatus::closed;
    default:
      break;
  }
  if (below_end_ == IoStatus::closed) {
    ERR_clear_error();
    return IoStatus::truncated;
  }
  if (below_end_ == IoStatus::failed) return fail(below_->error(), below_->error_text());
  const long verified = SSL_get_verify_result(ssl_.get());
  std::string text = take_error();
  const bool matters = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
  if (matters && verified != X509_V_OK)
    text += std::string(": ") + X509_verify_cert_error_string(verified);
  return fail(EPROTO, "TLS: " + text);
}

IoStatus TlsTransport::fail(int error, std::string text) {
  ERR_clear_error();
  state_ = State::failed;
  error_ = error;
  error_text_ = std::move(text);
  return IoStatus::failed;
}

std::string TlsTransport::error_text() const {
  return error_text_.empty() ? errno_text(error_) : error_text_;
}

// -- Receiving ------------------------------------------------------------------------------------

io::ReadResult TlsTransport::read(std::span<char> into) {
  if (state_ == State::failed) return {IoStatus::failed, 0};
  // What is left of the last read is taken without a look at the socket: epoll tells of that.
  const bool from_memory = buffered_ == Buffered::something;
  if (!from_memory) begin_receiving();
  buffered_ = Buffered::nothing;
  const std::size_t waiting = encrypted_.bytes();
  std::size_t size = 0;
  while (size < into.size() && !end_ && !(size > 0 && is_exhausted())) {
    std::size_t more = 0;
    forget_errors();
    const int result = SSL_read_ex(ssl_.get(), into.data() + size, into.size() - size, &more);
    size += more;
    if (result == 1) continue;
    const IoStatus status = to_status(result);
    if (status == IoStatus::would_block) break;
    end_ = status;
  }
  if (encrypted_.bytes() > waiting) send_waiting();
  if (size == 0) return {end_.value_or(IoStatus::would_block), 0};
  // A full buffer may have left something; the end is reported by the next read.
  const bool left = !received_.empty() || SSL_has_pending(ssl_.get()) != 0;
  if (end_ || (left && size == into.size())) buffered_ = Buffered::something;
  const bool rest =
      left || from_memory || buffered_ == Buffered::something || unread_ == Unread::possible;
  update_interest();
  return {IoStatus::done, size, rest ? Unread::possible : Unread::none};
}

void TlsTransport::begin_receiving() {
  unread_ = Unread::possible;
  receivable_ = kMaxReceived;
}

/// Whether another read would only tell that there is nothing.
bool TlsTransport::is_exhausted() const {
  return unread_ == Unread::none && received_.empty() && SSL_has_pending(ssl_.get()) == 0;
}

/// For OpenSSL. A read of the transport below that left nothing is the last one until the next
/// event.
int TlsTransport::receive(std::span<char> into) {
  if (!received_.empty()) {
    const std::size_t size = std::min(into.size(), received_.size());
    std::copy_n(received_.data(), size, into.data());
    received_.consume(size);
    return static_cast<int>(size);
  }
  if (unread_ == Unread::none || receivable_ == 0) return would_block();
  const io::ReadResult result = below_->read(into);
  switch (result.status) {
    case IoStatus::done:
      unread_ = result.unread;
      receivable_ -= std::min(receivable_, result.size);
      return static_cast<int>(result.size);
    case IoStatus::would_block:
      unread_ = Unread::none;
      return would_block();
    case IoStatus::closed:
    case IoStatus::truncated:
      below_end_ = IoStatus::closed;
      return 0;
    case IoStatus::failed:
    case IoStatus::refused:
      below_end_ = IoStatus::failed;
      return -1;
  }
  return -1;
}

bool TlsTransport::has_unread() const {
  return SSL_has_pending(ssl_.get()) != 0 || below_->has_unread();
}

bool TlsTransport::is_quiet() {
  if (state_ == State::failed || end_) return false;
  begin_receiving();
  buffered_ = Buffered::nothing;
  const std::size_t waiting = encrypted_.bytes();
  char first = 0;
  std::size_t size = 0;
  forget_errors();
  const int result = SSL_peek_ex(ssl_.get(), &first, 1, &size);
  const IoStatus status = result == 1 ? IoStatus::done : to_status(result);
  if (encrypted_.bytes() > waiting) send_waiting();
  // A part of a record may be the beginning of data.
  if (status == IoStatus::would_block) return is_exhausted();
  if (status != IoStatus::done) end_ = status;
  buffered_ = Buffered::something;
  return false;
}

io::ReadResult TlsTransport::read(io::Pipe& /*into*/, std::size_t /*max*/) {
  return {IoStatus::refused, 0};
}

// -- Sending --------------------------------------------------------------------------------------

/// Bytes stay in the queue until all of the records that contain them are with the kernel, so that
/// an empty queue means the same as it does without encryption.
IoStatus TlsTransport::write(SliceQueue& queue, Push push) {
  if (state_ == State::failed || ending_ != Ending::no) return IoStatus::failed;
  while (true) {
    if (in_flight_ == 0) encrypt(queue);
    if (state_ == State::failed) return IoStatus::failed;
    const bool all = in_flight_ == queue.bytes();
    const IoStatus status = send_encrypted(all ? push : Push::with_next);
    if (status != IoStatus::done) {
      update_interest();
      return status;
    }
    queue.consume(std::exchange(in_flight_, 0));
    if (queue.empty()) return IoStatus::done;
  }
}

/// Encrypts the front of the queue. Slices shorter than a record are put together in one.
void TlsTransport::encrypt(const SliceQueue& queue) {
  std::array<iovec, kVectors> vectors;
  const std::size_t count = queue.gather(vectors);
  std::array<char, kMaxRecord> joined;
  std::size_t used = 0;
  for (const iovec& vector : std::span(vectors).first(count)) {
    std::span<const char> rest = bytes_of(vector);
    while (!rest.empty() && in_flight_ + used < kMaxBatch) {
      const std::size_t record = std::max(record_size(), used + 1);
      if (used == 0 && rest.size() >= record) {
        if (!encrypt_record(rest.first(record))) return;
        rest = rest.subspan(record);
        continue;
      }
      const std::size_t size = std::min(rest.size(), record - used);
      std::copy_n(rest.data(), size, joined.data() + used);
      used += size;
      rest = rest.subspan(size);
      if (used == record && !encrypt_record({joined.data(), std::exchange(used, 0)})) return;
    }
  }
  if (used > 0) (void)encrypt_record({joined.data(), used});
}

bool TlsTransport::encrypt_record(std::span<const char> plain) {
  std::size_t taken = 0;
  forget_errors();
  const int result = SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &taken);
  if (result != 1 || taken != plain.size()) {
    if (to_status(result) != IoStatus::failed) (void)fail(EPROTO, "TLS: cannot encrypt");
    return false;
  }
  in_flight_ += taken;
  sent_in_row_ += taken;
  return true;
}

std::size_t TlsTransport::record_size() {
  const Instant now = context_.loop.now();
  if (now - last_sent_ > kPause) sent_in_row_ = 0;
  last_sent_ = now;
  return sent_in_row_ < kFirstBytes ? kFirstRecord : kMaxRecord;
}

/// For OpenSSL.
int TlsTransport::collect(std::string_view record) {
  if (encrypted_.bytes() > kMaxEncrypted) return -1;
  encrypted_.push_copy(context_.blocks, record);
  return static_cast<int>(record.size());
}

/// After a failure nothing more is sent; what the peer has sent can still be read.
IoStatus TlsTransport::send_encrypted(Push push) {
  if (ending_ == Ending::broken) return IoStatus::failed;
  const IoStatus status = encrypted_.empty() ? IoStatus::done : below_->write(encrypted_, push);
  if (status == IoStatus::would_block) return status;
  if (status != IoStatus::done) {
    error_ = below_->error();
    encrypted_.clear();
    ending_ = Ending::broken;
    return IoStatus::failed;
  }
  if (ending_ == Ending::requested) {
    ending_ = Ending::done;
    below_->shutdown_write();
  }
  return status;
}

/// Sends what waits, whoever has written it: OpenSSL itself writes alerts, tickets and answers to
/// key updates.
void TlsTransport::send_waiting() {
  if (encrypted_.empty() && ending_ != Ending::requested) return;
  (void)send_encrypted(Push::now);  // a failure is reported by the next write
  update_interest();
}

IoStatus TlsTransport::write(io::Pipe& /*pipe*/) {
  return IoStatus::refused;
}

void TlsTransport::shutdown_write() {
  if (ending_ != Ending::no) return;
  if (state_ == State::open) (void)SSL_shutdown(ssl_.get());
  ERR_clear_error();
  ending_ = Ending::requested;
  (void)send_encrypted(Push::now);
  update_interest();
}

void TlsTransport::reset_on_close() {
  ending_ = Ending::broken;
  encrypted_.clear();
  below_->reset_on_close();
  update_interest();
}

}  // namespace bonedry::tls
