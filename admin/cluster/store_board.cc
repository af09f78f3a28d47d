#include "admin/cluster/store_board.h"

#include <optional>

namespace bonedry::admin::cluster {
namespace {

using redis::Reply;

/// {holder of the lease, {name, statement, name, statement, ...}}; nothing: it is something else.
std::optional<Board::Reading> read_board(const Reply& reply) {
  if (reply.kind != Reply::Kind::array || reply.elements.size() != 2) return std::nullopt;
  const Reply& holder = reply.elements[0];
  const Reply& statements = reply.elements[1];
  if (holder.kind != Reply::Kind::text || statements.kind != Reply::Kind::array) {
    return std::nullopt;
  }
  Board::Reading reading;
  reading.holder = holder.text;
  for (std::size_t i = 0; i + 1 < statements.elements.size(); i += 2) {
    reading.statements[statements.elements[i].text] = statements.elements[i + 1].text;
  }
  return reading;
}

/// For how many milliseconds the script takes the lease.
std::string lease_word(Board::Lease lease) {
  switch (lease) {
    case Board::Lease::leave:
      return "0";
    case Board::Lease::take:
      return std::to_string(Board::kLease.count());
    case Board::Lease::release:
      return "-1";
  }
  return "0";
}

}  // namespace

void StoreBoard::exchange(const Post& post, std::function<void(Result<Reading>)> done) {
  script_.run("exchange", {post.text, post.token, lease_word(post.lease)},
              [run = connection_.run(), done = std::move(done)](const Result<Reply>& reply) {
                if (!reply) return done(Failure{reply.error()});
                std::optional<Reading> reading = read_board(*reply);
                if (!reading) return done(Failure{std::string("it cannot be read")});
                reading->run = run;
                done(std::move(*reading));
              });
}

}  // namespace bonedry::admin::cluster
