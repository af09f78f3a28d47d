#include "proxy/incoming_connection.h"

#include "proxy/client_cert.h"
#include "proxy/tls/server_context.h"
#include "proxy/tls/tls_transport.h"
#include "proxy/worker.h"

#include <utility>

namespace bonedry::proxy {

using io::IoStatus;
using io::Ready;

namespace {

constexpr http::Refusal kLargeCertificate{431, "the client's certificate is too large",
                                          "[limits] header_bytes"};

}  // namespace

IncomingConnection::IncomingConnection(Worker& worker, AcceptedClient accepted,
                                       ProxyHeaderMode proxy_header,
                                       std::shared_ptr<const tls::ServerContext> tls)
    : worker_(worker),
      transport_(io::make_transport(worker.context().loop, std::move(accepted.transport))),
      accepted_(std::move(accepted)),
      tls_(std::move(tls)),
      stage_(proxy_header == ProxyHeaderMode::required ? Stage::proxy_header : Stage::handshake),
      place_(worker.handshakes()),
      timer_(worker.context().loop.timers(), [this] { on_timeout(); }) {
  stage_ == Stage::handshake ? begin_handshake() : begin_proxy_header();
}

/// Reads nothing if epoll does not watch the socket: `on_watch_failed` then closes it. Who has sent
/// nothing yet takes no turn.
void IncomingConnection::begin() {
  if (transport_->wanted() == Ready::none) return;
  if (stage_ == Stage::proxy_header || transport_->has_unread()) on_ready(Ready::read);
}

void IncomingConnection::close() {
  if (!transport_) return;
  timer_.disarm();
  transport_.reset();
  accepted_.received.clear();
  worker_.remove(*this);
}

void IncomingConnection::on_ready(Ready /*ready*/) {
  stage_ == Stage::handshake ? continue_handshake() : read_proxy_header();
}

void IncomingConnection::on_watch_failed(int error) {
  worker_.report_out_of_resources(error);
  close();
}

void IncomingConnection::on_timeout() {
  if (stage_ == Stage::handshake) {
    return fail_handshake("no TLS handshake within the time limit; see [timeouts] handshake");
  }
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

void IncomingConnection::read_proxy_header() {
  ReadBuffer& received = accepted_.received;
  const auto room = received.room(worker_.context().blocks, BlockPool::kBlockSize);
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      received.filled(result.size);
      return parse_proxy_header();
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
  if (tls_ && !admitted) return close();
  if (tls_) {
    begin_handshake();
    return continue_handshake();
  }
  timer_.disarm();
  accepted_.transport = std::move(transport_);
  admitted ? worker_.serve_http(*this, std::move(accepted_))
           : worker_.reject(*this, std::move(accepted_), kTooManyOfClient);
}

// -- The TLS handshake ----------------------------------------------------------------------------

/// What the client sent after its PROXY header is the beginning of the handshake.
void IncomingConnection::begin_handshake() {
  stage_ = Stage::handshake;
  transport_ = std::make_unique<tls::TlsTransport>(
      tls::TransportContext{worker_.context().loop, worker_.context().blocks}, tls_->accept(),
      std::move(transport_), std::move(accepted_.received));
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
      *accepted_.tls, tls_->forwards_issuers() ? CertIssuers::send : CertIssuers::omit);
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
