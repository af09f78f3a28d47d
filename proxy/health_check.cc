#include "proxy/health_check.h"

#include "proxy/base/file.h"
#include "proxy/http/rules.h"
#include "proxy/io/socket.h"

#include <cerrno>
#include <utility>

namespace bonedry::proxy {

using balancer::CheckResult;
using balancer::Health;

HealthCheck::HealthCheck(ConnectionContext& context, CheckSlots& turns, const OnChange& on_change,
                         std::shared_ptr<balancer::Node> node)
    : context_(context),
      turns_(turns),
      on_change_(on_change),
      node_(std::move(node)),
      next_(context.loop.timers(), [this] { begin(); }),
      timeout_(context.loop.timers(), [this] { end(CheckResult::failed, "timed out"); }) {}

void HealthCheck::configure(const balancer::NodeView& view, const conf::Pool& pool) {
  const conf::Health& config = pool.health;
  const bool elsewhere = tracker_ && address_ != view.address;
  config_ = config;
  proxy_protocol_ = pool.proxy_protocol;
  address_ = view.address;
  if (elsewhere) stop();  // what was measured is not true of another machine
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
  node_->set_health(Health::unknown);
}

// -- One check ------------------------------------------------------------------------------------

void HealthCheck::begin() {
  if (!take_turn()) return;
  timeout_.arm(config_.timeout);
  const auto address = io::make_address(address_.host, address_.port);
  io::ConnectStart start = io::start_connect(*address);
  if (start.error != 0) return on_error(on_connect_failed(start.error));
  connection_ = std::make_unique<UpstreamConnection>(
      static_cast<UpstreamOwner&>(*this), context_,
      UpstreamTarget{0, proxy_protocol_, config_.timeout},
      std::make_unique<io::Socket>(context_.loop, std::move(start.fd)));
  connection_->lend(*this, ConnectionToken());
}

ExchangeError HealthCheck::on_connect_failed(int error) {
  if (io::is_local_shortage(error)) return out_of_resources(error);
  return {EndReason::connect_failed, Retry::no, error};
}

/// Where connecting is the check, a node that expects a PROXY header gets it all the same, rather
/// than a connection that says nothing.
void HealthCheck::on_connected() {
  if (!config_.path.empty()) send_request();
  (void)connection_->flush();  // what is lost is told by `on_error`
  if (config_.path.empty()) end(CheckResult::passed, "");
}

void HealthCheck::send_request() {
  const Slice text = context_.chunks.copy("GET " + config_.path +
                                          " HTTP/1.1\r\nHost: " + conf::to_string(address_) +
                                          "\r\nUser-Agent: bonedry-health\r\n\r\n");
  request_head_.clear();
  http::Parser parser{http::Parser::Kind::request};
  parser.start();
  const auto parsed = parser.parse_head(text.data, text.size, {}, request_head_);
  request_head_.chunk = text.chunk;
  const auto request = http::validate_request(request_head_);
  if (parsed != http::ParseStatus::complete || !request) {
    return end(CheckResult::failed, "no valid path");
  }
  connection_->send_head(request_head_, *request, http::ClientInfo{}, http::RequestEdits{});
}

void HealthCheck::on_response_head(const http::ResponseInfo& /*response*/) {
  const int status = response_head_.status;
  const bool good = status >= 200 && status < 400;
  end(good ? CheckResult::passed : CheckResult::failed,
      good ? "" : "status " + std::to_string(status));
}

void HealthCheck::on_error(const ExchangeError& error) {
  if (error.reason == EndReason::no_resources) return wait_for_next();  // no news about the node
  if (error.error == ETIMEDOUT) return end(CheckResult::failed, "timed out");
  if (error.error != 0) return end(CheckResult::failed, errno_text(error.error));
  const bool bad = error.reason == EndReason::bad_response;
  end(CheckResult::failed, bad ? error.why : "connection closed without a response");
}

void HealthCheck::end(CheckResult result, const std::string& why) {
  wait_for_next();
  const Health before = tracker_->health();
  const auto changed = tracker_->note(result);
  if (result == CheckResult::passed) node_->note_connect_success();
  if (!changed) return;
  node_->set_health(*changed);
  on_change_(*node_, before, *changed, why);
}

void HealthCheck::wait_for_next() {
  close();
  next_.arm(config_.interval);
}

void HealthCheck::close() {
  timeout_.disarm();
  give_turn_back();
  if (connection_) connection_->release();
  response_head_.clear();
}

void HealthCheck::drop(UpstreamConnection& connection) {
  connection.close();
  context_.loop.retire(std::move(connection_));
}

// -- Turns ----------------------------------------------------------------------------------------

bool HealthCheck::take_turn() {
  if (turn_ == Turn::taken) return true;  // it was waited for
  if (turns_.taken >= turns_.most) {
    turn_ = Turn::waiting;
    turns_.waiting.push_back(this);
    return false;
  }
  turn_ = Turn::taken;
  ++turns_.taken;
  return true;
}

void HealthCheck::give_turn_back() {
  if (turn_ == Turn::waiting) std::erase(turns_.waiting, this);
  if (turn_ == Turn::taken) --turns_.taken;
  turn_ = Turn::none;
  while (!turns_.waiting.empty() && turns_.taken < turns_.most) {
    HealthCheck& first = *turns_.waiting.front();
    turns_.waiting.pop_front();
    first.turn_ = Turn::taken;
    ++turns_.taken;
    first.next_.arm(Millis{0});
  }
}

}  // namespace bonedry::proxy
