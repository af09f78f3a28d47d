#include "proxy/health_check.h"

#include "proxy/base/file.h"
#include "proxy/io/socket.h"

#include <cerrno>
#include <utility>

namespace bonedry::proxy {

using balancer::CheckResult;
using balancer::Health;

HealthCheck::HealthCheck(ConnectionContext& context, CheckSlots& turns, const OnChange& on_change,
                         std::shared_ptr<balancer::Node> node)
    : context_(context),
      slots_(turns),
      on_change_(on_change),
      node_(std::move(node)),
      next_(context.loop.timers(), [this] { begin(); }),
      timeout_(context.loop.timers(), [this] { end(CheckResult::failed, "timed out"); }) {}

void HealthCheck::configure(const balancer::NodeView& view, const conf::Pool& pool,
                            const std::shared_ptr<const tls::ClientContext>& tls) {
  const conf::Health& config = pool.health;
  const bool elsewhere = tracker_ && address_ != view.address;
  if (elsewhere) stop();  // earlier results are not valid for another address
  config_ = config;
  proxy_protocol_ = pool.proxy_protocol;
  const bool same_target = address_ == view.address && tls_context_ == tls;
  address_ = view.address;
  if (!same_target) {
    tls_context_ = tls;
    tls_ = tls_target(tls, pool, address_);
  }
  if (elsewhere || !tracker_) {
    tracker_.emplace(config.rise, config.fall, node_->health());
    next_.arm(Millis{0});
  } else {
    tracker_->set_thresholds(config.rise, config.fall);
  }
}

void HealthCheck::stop() {
  next_.disarm();
  close();
  history_.forget();
  node_->set_health(Health::unknown);
  // The library that they belong to may be gone before a check that has been retired.
  tls_.reset();
  tls_context_.reset();
}

// -- One check ------------------------------------------------------------------------------------

void HealthCheck::begin() {
  if (!take_slot()) return;
  interim_heads_ = 0;
  history_.begin();
  began_ = context_.loop.now();
  timeout_.arm(config_.timeout);
  const auto address = io::make_address(address_.host, address_.port);
  io::ConnectStart start = io::start_connect(*address);
  if (start.error != 0) {
    return on_error(on_connect_failed(start.error, errno_text(start.error)));
  }
  connection_ = std::make_unique<UpstreamConnection>(
      static_cast<UpstreamOwner&>(*this), context_,
      UpstreamTarget{0, proxy_protocol_, config_.timeout},
      node_transport(context_, tls_.get(), std::move(start.fd)));
  connection_->lend(*this, ConnectionToken());
}

ExchangeError HealthCheck::on_connect_failed(int error, const std::string& why) {
  why_not_connected_ = why;
  if (io::is_local_shortage(error)) return out_of_resources(error);
  return {EndReason::connect_failed, Retry::no, error};
}

/// If connecting is the whole check, a node that expects a PROXY header has got one by now: it is
/// part of connecting.
void HealthCheck::on_connected() {
  if (config_.path.empty()) return end(CheckResult::passed, "connected");
  if (!queue_request()) return end(CheckResult::failed, "its path is not valid");
  (void)connection_->flush();  // a failure is reported by `on_error`
}

bool HealthCheck::queue_request() {
  const std::string host = conf::to_string(address_);
  const Slice text = context_.blocks.copy("GET " + config_.path + " HTTP/1.1\r\nHost: " + host +
                                          "\r\nUser-Agent: bonedry-health\r\n\r\n");
  request_head_.clear();
  http::Parser parser{http::Parser::Kind::request};
  parser.start();
  const auto parsed = parser.parse_head(text.data, text.size, {}, request_head_);
  request_head_.block = text.block;
  if (parsed != http::ParseStatus::complete) return false;
  http::RequestInfo request;
  request.host = host;
  request.path = config_.path;
  request.idempotent = true;
  connection_->send_head(request_head_, request, http::ClientInfo{}, http::RequestEdits{});
  return true;
}

void HealthCheck::on_interim_head() {
  if (++interim_heads_ > kMaxInterimHeads) {
    return end(CheckResult::failed, "too many 1xx responses");
  }
  response_head_.clear();
}

void HealthCheck::on_response_head(const http::ResponseInfo& /*response*/) {
  const int status = response_head_.status;
  const bool good = status >= 200 && status < 400;
  end(good ? CheckResult::passed : CheckResult::failed, "status " + std::to_string(status));
}

void HealthCheck::on_error(const ExchangeError& error) {
  // A shortage of our own says nothing about the node.
  if (error.reason == EndReason::no_resources) {
    history_.give_up();
    return wait_for_next();
  }
  if (error.error == ETIMEDOUT) return end(CheckResult::failed, "timed out");
  if (error.reason == EndReason::connect_failed || error.error == EPROTO) {
    return end(CheckResult::failed, why_not_connected_);
  }
  if (error.error != 0) return end(CheckResult::failed, errno_text(error.error));
  const bool bad = error.reason == EndReason::bad_response;
  end(CheckResult::failed, bad ? error.why : "connection closed without a response");
}

void HealthCheck::end(CheckResult result, const std::string& found) {
  wait_for_next();
  const Instant now = context_.loop.now();
  const std::string request = config_.path.empty() ? "connect" : "GET " + config_.path;
  history_.end({result, request, found, now, now - began_});
  const Health before = tracker_->health();
  const auto changed = tracker_->note(result);
  if (result == CheckResult::passed) node_->note_connect_success();
  if (!changed) return;
  history_.note_change();
  node_->set_health(*changed);
  on_change_(*node_, before, *changed, result == CheckResult::passed ? "" : found);
}

void HealthCheck::wait_for_next() {
  close();
  next_.arm(config_.interval);
}

void HealthCheck::close() {
  timeout_.disarm();
  release_slot();
  if (connection_) connection_->release();
  request_head_.clear();  // they hold memory of the context, which this may outlive
  response_head_.clear();
}

void HealthCheck::drop(UpstreamConnection& connection) {
  connection.close();
  context_.loop.retire(std::move(connection_));
}

// -- Turns ----------------------------------------------------------------------------------------

bool HealthCheck::take_slot() {
  if (slot_state_ == SlotState::taken) return true;  // given by `release_slot`
  if (slots_.taken >= slots_.max) {
    slot_state_ = SlotState::waiting;
    slots_.waiting.push_back(this);
    return false;
  }
  slot_state_ = SlotState::taken;
  ++slots_.taken;
  return true;
}

void HealthCheck::release_slot() {
  if (slot_state_ == SlotState::waiting) std::erase(slots_.waiting, this);
  if (slot_state_ == SlotState::taken) --slots_.taken;
  slot_state_ = SlotState::none;
  while (!slots_.waiting.empty() && slots_.taken < slots_.max) {
    HealthCheck& first = *slots_.waiting.front();
    slots_.waiting.pop_front();
    first.slot_state_ = SlotState::taken;
    ++slots_.taken;
    first.next_.arm(Millis{0});
  }
}

}  // namespace bonedry::proxy
