#include "proxy/health_check.h"

#include "proxy/base/file.h"
#include "proxy/grpc_health.h"
#include "proxy/io/socket.h"

#include <cerrno>
#include <utility>

namespace bonedry::proxy {

using balancer::CheckResult;
using balancer::Health;

namespace {

// A response of gRPC's health checks has seven bytes.
constexpr std::size_t kMaxGrpcBody = 1024;

}  // namespace

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
  const bool same_target =
      address_ == view.address && tls_context_ == tls && protocol_ == pool.protocol;
  protocol_ = pool.protocol;
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
  stream_ = &connect(std::move(start.fd));
}

UpstreamStream& HealthCheck::connect(UniqueFd socket) {
  const UpstreamTarget target{0, proxy_protocol_, config_.timeout};
  io::TransportSource transport = node_transport(context_, tls_.get(), std::move(socket));
  if (protocol_ == conf::NodeProtocol::h2) {
    http2_connection_ = std::make_unique<Http2UpstreamConnection>(
        static_cast<UpstreamOwner&>(*this), static_cast<Http2UpstreamOwner&>(*this), context_,
        target, std::move(transport));
    return http2_connection_->lease(*this, ConnectionToken());
  }
  connection_ = std::make_unique<UpstreamConnection>(static_cast<UpstreamOwner&>(*this), context_,
                                                     target, std::move(transport));
  connection_->lend(*this, ConnectionToken());
  return *connection_;
}

ExchangeError HealthCheck::on_connect_failed(int error, const std::string& why) {
  why_not_connected_ = why;
  if (io::is_local_shortage(error)) return out_of_resources(error);
  return {EndReason::connect_failed, Retry::no, error};
}

/// If connecting is the whole check, a node that expects a PROXY header has got one by now: it is
/// part of connecting.
void HealthCheck::on_connected() {
  if (only_connects()) return end(CheckResult::passed, "connected");
  if (!queue_request()) return end(CheckResult::failed, "its path is not valid");
  (void)stream_->flush();  // a failure is reported by `on_error`
}

std::string HealthCheck::request_text() const {
  if (config_.grpc) return "gRPC health" + (config_.grpc->empty() ? "" : " of " + *config_.grpc);
  return config_.path.empty() ? "connect" : "GET " + config_.path;
}

bool HealthCheck::queue_request() {
  const std::string host = conf::to_string(address_);
  const std::string path = config_.grpc ? std::string(kGrpcHealthPath) : config_.path;
  const std::string_view more =
      config_.grpc ? "Content-Type: application/grpc\r\nTE: trailers\r\n" : "";
  const Slice text =
      context_.blocks.copy((config_.grpc ? "POST " : "GET ") + path + " HTTP/1.1\r\nHost: " + host +
                           "\r\nUser-Agent: bonedry-health\r\n" + std::string(more) + "\r\n");
  request_head_.clear();
  http::Parser parser{http::Parser::Kind::request};
  parser.start();
  const auto parsed = parser.parse_head(text.data, text.size, {}, request_head_);
  request_head_.block = text.block;
  if (parsed != http::ParseStatus::complete) return false;
  http::RequestInfo request;
  request.host = host;
  request.path = path;
  request.idempotent = true;
  const std::string body = config_.grpc ? grpc_health_request(*config_.grpc) : "";
  if (config_.grpc) request.body = {http::BodyLength::unknown, 0};
  stream_->send_head(request_head_, request, http::ClientInfo{}, http::RequestEdits{});
  if (config_.grpc) send_body(body);
  return true;
}

void HealthCheck::send_body(const std::string& body) {
  const Slice copy = context_.blocks.copy(body);
  http::BodyPieces whole;
  whole.pieces[0] = {0, static_cast<std::uint32_t>(copy.size)};
  whole.count = 1;
  whole.bytes = copy.size;
  stream_->send_body(BodySlices(copy.block, copy.data, whole));
  stream_->send_end("");
}

void HealthCheck::on_interim_head() {
  if (++interim_heads_ > kMaxInterimHeads) {
    return end(CheckResult::failed, "too many 1xx responses");
  }
  response_head_.clear();
}

void HealthCheck::on_response_head(const http::ResponseInfo& /*response*/) {
  if (config_.grpc) return;  // its trailers say more
  const int status = response_head_.status;
  const bool good = status >= 200 && status < 400;
  end(good ? CheckResult::passed : CheckResult::failed, "status " + std::to_string(status));
}

void HealthCheck::on_response_body(const BodySlices& body, Last last, std::string_view trailers) {
  if (!config_.grpc) return;
  body.append_to(body_);
  if (body_.size() > kMaxGrpcBody) return end(CheckResult::failed, "a response that is too long");
  if (last == Last::no) return;
  const auto problem = grpc_health_problem(response_head_, body_, trailers);
  end(problem ? CheckResult::failed : CheckResult::passed, problem.value_or("SERVING"));
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
  history_.end({result, request_text(), found, now, now - began_});
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
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->release();
  if (http2_connection_) http2_connection_->close();
  body_.clear();
  request_head_.clear();  // they hold memory of the context, which this may outlive
  response_head_.clear();
}

void HealthCheck::drop(UpstreamConnection& connection) {
  connection.close();
  context_.loop.retire(std::move(connection_));
}

void HealthCheck::remove(Http2UpstreamConnection& /*connection*/) {
  context_.loop.retire(std::move(http2_connection_));
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
