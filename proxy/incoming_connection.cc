#include "proxy/incoming_connection.h"

#include "proxy/worker.h"

#include <utility>

namespace bonedry::proxy {

using io::IoStatus;
using io::Ready;

IncomingConnection::IncomingConnection(Worker& worker, AcceptedClient accepted)
    : worker_(worker),
      transport_(io::make_transport(worker.context().loop, std::move(accepted.transport))),
      accepted_(std::move(accepted)),
      timer_(worker.context().loop.timers(), [this] { on_timeout(); }) {
  transport_->attach(*this);
  transport_->want(Ready::read);
  timer_.arm(accepted_.head_due - worker.context().loop.now());
}

/// Reads nothing if epoll does not watch the socket: `on_watch_failed` then closes it.
void IncomingConnection::begin() {
  if (transport_->wanted() != Ready::none) on_ready(Ready::read);
}

void IncomingConnection::close() {
  if (!transport_) return;
  timer_.disarm();
  transport_.reset();
  accepted_.received.clear();
  worker_.remove(*this);
}

void IncomingConnection::on_ready(Ready /*ready*/) {
  ReadBuffer& received = accepted_.received;
  const auto room = received.room(worker_.context().blocks, BlockPool::kBlockSize);
  const io::ReadResult result = transport_->read(room);
  switch (result.status) {
    case IoStatus::done:
      received.filled(result.size);
      return parse();
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
void IncomingConnection::parse() {
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
  timer_.disarm();
  accepted_.transport = std::move(transport_);
  worker_.on_identified(*this, std::move(accepted_));
}

void IncomingConnection::on_watch_failed(int error) {
  worker_.report_out_of_resources(error);
  close();
}

void IncomingConnection::on_timeout() {
  worker_.report_proxy_refusal(accepted_.identity.text(),
                               "no PROXY header within the time limit; see [timeouts] header");
  close();
}

}  // namespace bonedry::proxy
