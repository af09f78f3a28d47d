#include "proxy/redis/sentinel_search.h"

#include "proxy/redis/greeting.h"
#include "proxy/redis/reply_problem.h"

#include <utility>
#include <variant>

namespace bonedry::redis {
namespace {

// Less than for a store: while the first sentinels are down, the others are asked late.
constexpr Millis kTimeout{1000};

std::string name_of(const conf::Address& sentinel) {
  return "the sentinel at " + conf::to_string(sentinel);
}

/// The address in an answer: host and port, as two texts.
Result<conf::Address> parse_answer(const Reply& answer, const std::string& set) {
  if (answer.kind == Reply::Kind::nil) return Failure{"it does not know \"" + set + "\""};
  if (answer.kind == Reply::Kind::error) return Failure{"it answers " + quoted(answer.text)};
  if (answer.elements.size() != 2) return Failure{std::string("it is no sentinel")};
  const std::string& host = answer.elements[0].text;
  const bool is_v6 = host.find(':') != std::string::npos;
  const auto address =
      conf::parse_address((is_v6 ? "[" + host + "]" : host) + ":" + answer.elements[1].text);
  if (address && address->port != 0) return *address;
  return Failure{"it has the primary at " + quoted(host) +
                 ", which is not numeric; host names are not resolved"};
}

}  // namespace

SentinelSearch::SentinelSearch(io::EventLoop& loop, const Connector& connector,
                               const Settings& settings, Found found)
    : loop_(loop),
      connector_(connector),
      settings_(settings),
      set_(std::get<WatchedSet>(settings.store)),
      found_(std::move(found)) {}

SentinelSearch::~SentinelSearch() {
  drop_connection();
}

void SentinelSearch::start() {
  problems_.assign(set_.sentinels.size(), "");
  asked_ = 0;
  ask_next();
}

void SentinelSearch::ask_next() {
  while (!connection_ && asked_ < set_.sentinels.size()) {
    ++asked_;
    current_ = (current_ + 1) % set_.sentinels.size();
    const conf::Address& sentinel = set_.sentinels[current_];
    auto connection = connector_.connect(sentinel, {name_of(sentinel), kTimeout}, *this);
    if (connection) {
      connection_ = std::move(*connection);
      login_ = Login::none;
      return ask();
    }
    problems_[current_] = connection.error();
  }
  std::string all;
  for (const std::string& problem : problems_) all += (all.empty() ? "" : "; ") + problem;
  found_(Failure{all});
}

void SentinelSearch::ask() {
  connection_->send({"SENTINEL", "get-master-addr-by-name", set_.name},
                    [this](Result<Reply> answer) {
                      if (answer) on_answer(*answer);  // else `on_broken` follows
                    });
}

void SentinelSearch::on_answer(const Reply& answer) {
  const bool needs_login = answer.kind == Reply::Kind::error && answer.text.starts_with("NOAUTH");
  if (needs_login) return log_in(answer.text);
  const Result<conf::Address> address = parse_answer(answer, set_.name);
  if (!address) return connection_->give_up(address.error());
  drop_connection();
  found_(*address);
}

/// Most sentinels need no password even if the store does, and refuse one that they do not know.
void SentinelSearch::log_in(const std::string& error) {
  Words words = login(settings_);
  if (words.empty() || login_ == Login::sent) {
    return connection_->give_up(store_problem(error).value_or(error));
  }
  login_ = Login::sent;
  connection_->send(words, [this](const Result<Reply>& answer) {
    if (!answer || answer->kind != Reply::Kind::error) return;
    connection_->give_up(store_problem(answer->text).value_or(quoted(answer->text)));
  });
  ask();
}

void SentinelSearch::on_broken(const std::string& why) {
  problems_[current_] = why;
  drop_connection();
  ask_next();
}

void SentinelSearch::drop_connection() {
  if (!connection_) return;
  connection_->close();
  loop_.retire(std::move(connection_));
}

}  // namespace bonedry::redis
