#include "proxy/redis/client.h"

#include "proxy/redis/greeting.h"
#include "proxy/redis/reply_problem.h"
#include "proxy/redis/server_info.h"

#include <cassert>
#include <random>
#include <utility>
#include <variant>

namespace bonedry::redis {
namespace {

// A connection that lasted so long had no trouble from the start: after it, the first pause is
// short again.
constexpr Millis kLasting{10'000};

Random seeded() {
  std::random_device device;
  return Random((std::uint64_t{device()} << 32U) | device());
}

}  // namespace

Client::Client(io::EventLoop& loop, Settings settings, Handler& handler, Pace pace)
    : loop_(loop),
      settings_(std::move(settings)),
      pace_(pace),
      handler_(handler),
      connector_(loop, blocks_, settings_.tls),
      backoff_(seeded(), pace),
      retry_(loop.timers(), [this] { begin(); }),
      check_(loop.timers(), [this] { check(); }),
      tell_refused_(loop, [this] { tell_refused(); }) {
  if (!std::holds_alternative<WatchedSet>(settings_.store)) return;
  search_.emplace(loop_, connector_, settings_, [this](const Result<conf::Address>& primary) {
    primary ? connect(*primary) : lose(primary.error());
  });
}

Client::~Client() {
  drop_connection();
}

void Client::start() {
  retry_.arm(Millis{0});
}

std::string Client::address() const {
  return address_ ? to_string(*address_) : "";
}

// -- Commands -------------------------------------------------------------------------------------

/// A connection that has just been closed tells those who wait before it tells this.
bool Client::connected() const {
  return state_ == State::connected && !connection_->is_closed();
}

void Client::send(Words words, Done done) {
  assert(!words.empty());
  if (!connected()) return refuse(std::move(done), "the store is not connected");
  std::size_t bytes = connection_->unanswered();
  for (const std::string& word : words) bytes += word.size();
  if (bytes > kMaxUnanswered) return refuse(std::move(done), "too much waits for the store");
  connection_->send(words, std::move(done));
}

void Client::refuse(Done done, std::string why) {
  refused_.push_back({std::move(done), std::move(why)});
  tell_refused_.schedule();
}

void Client::tell_refused() {
  const std::vector<Refused> refused = std::exchange(refused_, {});
  for (const Refused& each : refused) each.done(Failure{each.why});
}

// -- Connecting -----------------------------------------------------------------------------------

void Client::begin() {
  if (const auto* const address = std::get_if<conf::Address>(&settings_.store)) {
    return connect(*address);
  }
  if (const auto* const path = std::get_if<UnixPath>(&settings_.store)) return connect(*path);
  state_ = State::searching;
  search_->start();
}

void Client::connect(const ServerAddress& address) {
  state_ = State::greeting;
  address_ = address;
  auto connection =
      connector_.connect(address, {"the store at " + to_string(address), kTimeout}, *this);
  if (!connection) return lose(connection.error());
  connection_ = std::move(*connection);
  greeted_.clear();
  for (const Words& words : greeting(settings_)) {
    connection_->send(words, [this](Result<Reply> reply) {
      if (reply) on_greeted(std::move(*reply));  // else `on_broken` follows
    });
  }
}

void Client::on_greeted(Reply reply) {
  greeted_.push_back(std::move(reply));
  if (greeted_.size() < greeting(settings_).size()) return;
  const Result<std::string> run_id = evaluate_greeting(settings_, greeted_);
  greeted_.clear();
  if (!run_id) return connection_->give_up(run_id.error());
  run_id_ = *run_id;
  state_ = State::connected;
  told_why_.reset();
  connected_since_ = loop_.now();
  check_.arm(pace_.check);
  handler_.on_connected();
}

// -- Being connected, and its end -----------------------------------------------------------------

/// A primary that has been demoted may keep its connections open.
void Client::check() {
  connection_->send({"INFO"}, [this](const Result<Reply>& info) {
    if (info) on_checked(*info);
  });
}

void Client::on_checked(const Reply& info) {
  const auto problem = info_problem(info.text);
  if (problem) return connection_->give_up(*problem);
  check_.arm(pace_.check);
}

std::optional<std::string> Client::problem_in(const std::string& error) {
  return store_problem(error);
}

void Client::on_broken(const std::string& why) {
  if (state_ == State::connected && loop_.now() - connected_since_ >= kLasting) backoff_.reset();
  lose(why);
}

void Client::lose(const std::string& why) {
  drop_connection();
  check_.disarm();
  state_ = State::waiting;
  retry_.arm(backoff_.next());
  if (told_why_ == why) return;
  told_why_ = why;
  handler_.on_lost(why);
}

void Client::drop_connection() {
  if (!connection_) return;
  connection_->close();
  loop_.retire(std::move(connection_));
}

}  // namespace bonedry::redis
