#include "proxy/incoming_connection.h"

#include "proxy/client_cert.h"
#include "proxy/tls/server_context.h"
#include "proxy/tls/tls_transport.h"
#include "proxy/worker.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace bonedry::proxy {

using io::IoStatus;
using io::Ready;

namespace {

// Of a client that knows that it may speak HTTP/2: no request of HTTP/1 begins so.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

constexpr http::Refusal kLargeCertificate{431, "the client's certificate is too large",
                                          "[limits] header_bytes"};

}  // namespace

IncomingConnection::IncomingConnection(Worker& worker, AcceptedClient accepted, BeforeHttp before)
    : worker_(worker),
      transport_(io::make_transport(worker.context().loop, std::move(accepted.transport))),
      accepted_(std::move(accepted)),
      before_(std::move(before)),
      stage_(Stage::proxy_header),
      place_(worker.handshakes()),
      timer_(worker.context().loop.timers(), [this] { on_timeout(); }) {
  if (before_.plain == PlainHttp::http2) accepted_.version = HttpVersion::http2;
  if (before_.proxy_header == ProxyHeaderMode::required) {
    begin_proxy_header();
  } else {
    before_.tls ? begin_handshake() : begin_preface();
  }
}

/// Reads nothing if epoll does not watch the socket: `on_watch_failed` then closes it. Who has sent
/// nothing yet takes no turn.
void IncomingConnection::begin() {
  if (transport_->wanted() == Ready::none) return;
  if (stage_ != Stage::handshake || transport_->has_unread()) on_ready(Ready::read);
}

void IncomingConnection::drain() {
  if (worker_.closes_idle_connections()) close();
}

void IncomingConnection::close() {
  if (!transport_) return;
  timer_.disarm();
  transport_.reset();
  accepted_.received.clear();
  worker_.remove(*this);
}

void IncomingConnection::on_ready(Ready /*ready*/) {
  stage_ == Stage::handshake ? continue_handshake() : read_plain();
}

void IncomingConnection::on_watch_failed(int error) {
  worker_.report_out_of_resources(error);
  close();
}

void IncomingConnection::on_timeout() {
  if (stage_ == Stage::handshake) {
    return fail_handshake("no TLS handshake within the time limit; see [timeouts] handshake");
  }
  if (stage_ == Stage::preface) return pass_on();  // what it has sent is answered as HTTP/1.1 is
  worker_.report_proxy_refusal(accepted_.identity.text(),
                               "no PROXY header within the time limit; see [timeouts] header");
  close();
}

// -- The PROXY header -----------------------------------------------------------------------------

void IncomingConnection::begin_proxy_header() {
  transport_->attach(*this);
  transport_->want(Ready::read);
  timer_.arm(accepted_.head_due - worker_.context().loop.now());
}

void IncomingConnection::read_plain() {
  ReadBuffer& received = accepted_.received;
  const auto room = received.room(worker_.context().blocks, BlockPool::kBlockSize);
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      received.filled(result.size);
      return stage_ == Stage::preface ? check_preface() : parse_proxy_header();
    case IoStatus::would_block:
      if (received.empty()) received.clear();  // gives the block back
      return transport_->want(Ready::read);
    case IoStatus::closed:
    case IoStatus::truncated:
    case IoStatus::failed:
    case IoStatus::refused:
      return close();
  }
}

/// No response is sent before the header is complete: a peer that speaks another protocol must not
/// get HTTP.
void IncomingConnection::parse_proxy_header() {
  ReadBuffer& received = accepted_.received;
  const io::ProxyHeader header = io::parse_proxy_header({received.data(), received.size()});
  switch (header.status) {
    case io::ProxyHeader::Status::more:
      return transport_->want(Ready::read);
    case io::ProxyHeader::Status::failed:
      worker_.report_proxy_refusal(accepted_.identity.text(), header.why);
      return close();
    case io::ProxyHeader::Status::complete:
      break;
  }
  received.consume(header.size);
  accepted_.identity.announce(header, worker_.context().trusted_proxies);
  const bool admitted = worker_.admit(accepted_.identity, accepted_.slot);
  if (before_.tls && !admitted) return close();
  if (before_.tls) {
    begin_handshake();
    return continue_handshake();
  }
  if (admitted) {
    begin_preface();
    return check_preface();
  }
  timer_.disarm();
  accepted_.transport = std::move(transport_);
  worker_.reject(*this, std::move(accepted_), kTooManyOfClient);
}

// -- What version of HTTP it is -------------------------------------------------------------------

void IncomingConnection::begin_preface() {
  stage_ = Stage::preface;
  transport_->attach(*this);
  transport_->want(Ready::read);
  timer_.arm(accepted_.head_due - worker_.context().loop.now());
}

void IncomingConnection::check_preface() {
  if (before_.plain != PlainHttp::either) return pass_on();
  const std::string_view received(accepted_.received.data(), accepted_.received.size());
  const std::size_t size = std::min(received.size(), kPreface.size());
  const bool fits = received.substr(0, size) == kPreface.substr(0, size);
  if (fits && size < kPreface.size()) return transport_->want(Ready::read);
  if (fits) accepted_.version = HttpVersion::http2;
  pass_on();
}

void IncomingConnection::pass_on() {
  timer_.disarm();
  accepted_.transport = std::move(transport_);
  worker_.serve_http(*this, std::move(accepted_));
}

// -- The TLS handshake ----------------------------------------------------------------------------

/// What the client sent after its PROXY header is the beginning of the handshake.
void IncomingConnection::begin_handshake() {
  stage_ = Stage::handshake;
  transport_ = std::make_unique<tls::TlsTransport>(
      tls::TransportContext{worker_.context().loop, worker_.context().blocks},
      before_.tls->accept(), std::move(transport_), std::move(accepted_.received));
  transport_->attach(*this);
  transport_->want(Ready::read);
  timer_.arm(worker_.context().timeouts.handshake);
}

/// What has to wait is reported again in the next iteration.
void IncomingConnection::continue_handshake() {
  switch (worker_.handshakes().take(place_)) {
    case Handshakes::Turn::now:
      return shake_hands();
    case Handshakes::Turn::later:
      return transport_->want(Ready::read);
    case Handshakes::Turn::never:
      worker_.report_turned_away(accepted_.identity.text(), "too many TLS handshakes are waiting");
      return close();
  }
}

void IncomingConnection::shake_hands() {
  const IoStatus status = transport_->open();
  if (status == IoStatus::would_block) return transport_->want(Ready::read);
  if (status != IoStatus::done) return fail_handshake(transport_->error_text());
  accepted_.tls = transport_->tls();
  if (accepted_.tls->alpn == "h2") accepted_.version = HttpVersion::http2;
  const bool resumed = accepted_.tls->resumed == io::TlsInfo::Resumed::yes;
  worker_.handshakes().note_completed(resumed ? Handshakes::Kind::resumed : Handshakes::Kind::full);
  timer_.disarm();
  accepted_.head_due = worker_.context().loop.now() + worker_.context().timeouts.header;
  const bool forwardable = note_certificate();
  accepted_.transport = std::move(transport_);
  forwardable ? worker_.serve_http(*this, std::move(accepted_))
              : worker_.reject(*this, std::move(accepted_), kLargeCertificate);
}

/// Makes the fields that all requests of the connection will show nodes. Without them, nodes would
/// take the client for one that has no certificate; so it is not served if they are too large.
bool IncomingConnection::note_certificate() {
  std::string fields = client_cert_fields(
      *accepted_.tls, before_.tls->forwards_issuers() ? CertIssuers::send : CertIssuers::omit);
  const bool fit = fields.size() <= worker_.context().limits.header_bytes;
  if (fit) accepted_.identity.set_certificate(std::move(fields));
  return fit;
}

void IncomingConnection::fail_handshake(const std::string& why) {
  worker_.handshakes().note_failed();
  worker_.report_failed_handshake(accepted_.identity.text(), why);
  close();
}

}  // namespace bonedry::proxy
