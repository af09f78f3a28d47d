#include "tests/unit/proxy/exchange_rig.h"

#include "proxy/http/body_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bonedry::proxy::test {
namespace {

/// A block pool that outlives every exchange of the tests.
BlockPool& blocks() {
  static BlockPool pool;
  return pool;
}

std::string text_of(const BodySlices& body) {
  SliceQueue queue;
  body.write_to(http::BodyWriter(), http::HeadSink{queue, blocks()});
  return http::test::text_of(queue);
}

}  // namespace

Piece::Piece(std::string_view text)
    : block_(blocks().take_large(std::max<std::size_t>(1, text.size()))) {
  std::memcpy(block_->data(), text.data(), text.size());
  if (text.empty()) return;
  pieces_.pieces[0] = {0, static_cast<std::uint32_t>(text.size())};
  pieces_.count = 1;
  pieces_.bytes = text.size();
}

// -- The client -----------------------------------------------------------------------------------

void ScriptedClient::send_interim(const http::Head& head) {
  log_.push_back("interim " + std::to_string(head.status));
}

void ScriptedClient::send_head(const http::Head& head, const http::ResponseInfo& response,
                               const http::ResponseEdits& edits) {
  log_.push_back("head " + std::to_string(head.status) + (response.switches() ? " tunnel" : ""));
  set_cookie = std::string(edits.set_cookie);
}

void ScriptedClient::send_body(const BodySlices& body) {
  if (body.bytes() > 0) log_.push_back("body " + text_of(body));
}

void ScriptedClient::send_body(io::PipeLease) {
  log_.push_back("pipe");
}

void ScriptedClient::send_end(std::string_view trailers) {
  log_.push_back("end" + (trailers.empty() ? "" : " " + std::string(trailers)));
}

void ScriptedClient::send_local_response(const http::LocalResponse& answer) {
  const std::string retry =
      answer.retry_after_s ? " retry after " + std::to_string(*answer.retry_after_s) : "";
  log_.push_back("local " + std::to_string(answer.status) + retry);
}

Flow ScriptedClient::flush() {
  if (loud) exchange->on_downstream_progress();
  return flow;
}

void ScriptedClient::resume(PauseReason reason) {
  pauses_.remove(reason);
  deliver();
}

void ScriptedClient::begin_tunnel() {
  log_.push_back("tunnel begins");
  pauses_ = {};
  deliver();
}

void ScriptedClient::deliver() {
  while (!exchange->over() && !paused() && !unread.empty()) {
    const Piece piece(unread.front());
    unread.pop_front();
    exchange->on_request_body(piece.slices(), unread.empty() ? Last::yes : Last::no,
                              unread.empty() ? unread_trailers : "");
    if (!exchange->over()) exchange->on_request_read_end();
  }
}

void ScriptedClient::on_exchange_end(StreamEnd end) {
  log_.push_back(end == StreamEnd::complete ? "over complete" : "over aborted");
}

// -- The nodes ------------------------------------------------------------------------------------

void ScriptedStream::send_head(const http::Head& head, const http::RequestInfo& request,
                               const http::ClientInfo& /*client*/,
                               const http::RequestEdits& /*edits*/) {
  note("head " + std::string(head.text(head.method)) + " " + std::string(request.path));
}

void ScriptedStream::send_body(const BodySlices& body) {
  if (body.bytes() > 0) note("body " + text_of(body));
}

void ScriptedStream::send_body(io::PipeLease) {
  note("pipe");
}

void ScriptedStream::send_end(std::string_view trailers) {
  note("end" + (trailers.empty() ? "" : " " + std::string(trailers)));
}

void ScriptedStream::release() {
  exchange = nullptr;
  in_use.reset();
  note("released");
}

NodeStreams::Lease ScriptedNode::lease(const LeaseRequest& request, UpstreamEvents& exchange) {
  switch (offer) {
    case Offer::queue:
      waiting = &exchange;
      return Queued::waiting;
    case Offer::queue_full:
      return Queued::full;
    case Offer::refuse:
      log_.push_back(name_ + " refuses");
      return ExchangeError{EndReason::connect_failed, Retry::other_node, ECONNREFUSED};
    case Offer::shortage:
      return out_of_resources(EMFILE);
    case Offer::connected:
    case Offer::connecting:
      break;
  }
  return lease(request, exchange, ConnectionToken());
}

NodeStreams::Lease ScriptedNode::lease(const LeaseRequest& request, UpstreamEvents& exchange,
                                       ConnectionToken turn) {
  asked.push_back(request);
  streams.push_back(std::make_unique<ScriptedStream>(name_, log_));
  stream().exchange = &exchange;
  stream().is_connected = offer != Offer::connecting;
  stream().in_use = std::move(turn);
  return &stream();
}

void ScriptedNode::leave_queue(UpstreamEvents&) {
  waiting = nullptr;
}

// -- The exchange between them --------------------------------------------------------------------

ExchangeTest::ExchangeTest()
    : memory_(std::make_shared<PoolState>(
          PoolState{balancer::Picker(conf::Balance::round_robin, conf::Session{}.sticky, 1), {}})),
      exchange(*this) {
  memory_->retries.set_percent(10);
  pool_.config.name = "shop";
  pool_.config.upgrades = {"websocket"};
  for (const char* name : {"alice", "bob"}) {
    balancer::NodeView& view = pool_.nodes.emplace_back();
    view.slot = ledger_.slot_of(std::string("shop/") + name);
    ledger_.set_times(view.slot, {Millis{60'000}, Millis{60'000}, Millis{600'000}});
    view.node = std::make_shared<balancer::Node>("shop", name, ledger_.counts(view.slot));
    nodes_.emplace_back(name, log);
  }
  client.exchange = &exchange;
  republish();
}

void ExchangeTest::republish() {
  auto topology = std::make_shared<balancer::Topology>();
  topology->pools.push_back(pool_);
  std::vector<NodeStreams*> streams;
  for (ScriptedNode& each : nodes_) streams.push_back(&each);
  const balancer::PoolView& view = topology->pools.front();
  router_ =
      Router({Router::Route{std::make_shared<PoolRuntime>(topology, view, secrets_, ledger_, clock_,
                                                          memory_, std::move(streams)),
                            LocalAnswers(listener_, nullptr, &view)}});
}

void ExchangeTest::only(std::size_t index) {
  for (std::size_t i = 0; i < pool_.nodes.size(); ++i) {
    const bool open = i == index;
    pool_.nodes[i].state = open ? balancer::NodeState::active : balancer::NodeState::bleeding;
    pool_.nodes[i].door = open ? balancer::Door::open : balancer::Door::sessions_only;
  }
  republish();
}

void ExchangeTest::ask(std::string_view head) {
  const http::test::ParsedRequest& request =
      requests_.emplace_back(std::string(head) + "Host: shop.example\r\n\r\n");
  exchange.request_head() = request.head;
  exchange.start({&client, 0, "127.0.0.1:8080", {"192.0.2.7", "http"}}, request.facts());
}

void ExchangeTest::ask_again(std::string_view head) {
  if (!client.set_cookie.empty()) {
    cookie_ = client.set_cookie.substr(0, client.set_cookie.find(';'));
  }
  exchange.reset();
  client.pause(PauseReason::no_node);
  log.clear();
  ask(std::string(head) + "Cookie: " + cookie_ + "\r\n");
}

void ExchangeTest::answer(std::size_t node, std::string_view head) {
  const bool upgrade = head.find(" 101 ") != std::string_view::npos;
  const http::test::ParsedResponse& response = responses_.emplace_back(
      std::string(head) + "\r\n", upgrade ? http::RequestKind::upgrade : http::RequestKind::other);
  UpstreamEvents& events = *stream(node).exchange;
  events.response_head() = response.head;
  const http::ResponseFacts facts = response.facts();
  facts.interim ? events.on_interim_head() : events.on_response_head(facts);
}

void ExchangeTest::answer_body(std::size_t node, std::string_view text, Last last) {
  UpstreamEvents& events = *stream(node).exchange;
  const Piece piece(text);
  events.on_response_body(piece.slices(), last, "");
  events.on_response_read_end();
}

void ExchangeTest::answer_all(std::size_t node) {
  answer(node, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
  answer_body(node, "ok", Last::yes);
}

void ExchangeTest::fail(std::size_t node, const ExchangeError& error) {
  stream(node).exchange->on_error(error);
}

void ExchangeTest::pass(Millis by) {
  const Instant end = clock_.now() + by;
  while (clock_.now() < end) {
    clock_.advance(std::min(io::TimerWheel::kTick, end - clock_.now()));
    timers_.advance(clock_.now());
  }
}

std::uint64_t ExchangeTest::ended(EndReason reason) const {
  return counters_.read().endings[static_cast<std::size_t>(reason)];
}

balancer::NodeTotals ExchangeTest::counted(std::size_t node) const {
  balancer::NodeTotals totals;
  nodes_[node].measured.add_to(totals);
  return totals;
}

bool ExchangeTest::said(const std::string& line) const {
  return std::ranges::find(log, line) != log.end();
}

}  // namespace bonedry::proxy::test
