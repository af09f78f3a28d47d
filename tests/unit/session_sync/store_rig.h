#pragma once

#include "admin/cluster/stored_index.h"
#include "proxy/io/event_loop.h"
#include "proxy/redis/client.h"
#include "tests/support/deadline.h"
#include "tests/support/redis_server.h"
#include "tests/unit/session_sync/values.h"

#include <gtest/gtest.h>
#include <uv.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {

/// A connection to a real store, and the loop that it is on.
class StoreConnection final : public redis::Client::Handler {
 public:
  explicit StoreConnection(const std::string& url)
      : client(loop, *redis::parse_store_url(url, {}), *this) {
    client.start();
  }

  /// Turns the loop until something has happened; false if it does not in time.
  [[nodiscard]] bool turn_until(const std::function<bool()>& happened) {
    const auto start = bonedry::test::TestClock::now();
    while (!happened()) {
      if (bonedry::test::elapsed_since(start) > bonedry::test::kDeadline) return false;
      uv_run(loop.raw(), UV_RUN_ONCE);
    }
    return true;
  }
  /// What a call of an index is answered.
  template <class T>
  [[nodiscard]] Result<T> answer(const std::function<void(SessionIndex::Then<T>)>& call) {
    std::optional<Result<T>> answered;
    call([&answered](Result<T> result) { answered = std::move(result); });
    EXPECT_FALSE(answered) << "answered from inside the call";
    if (!turn_until([&answered] { return answered.has_value(); })) return Failure{"no answer"};
    return std::move(*answered);
  }

  void on_connected() override {
    if (connected) connected();
  }
  void on_lost(const std::string& why) override {
    losses.push_back(why);
    if (lost) lost();
  }

  io::EventLoop loop;
  std::function<void()> connected;
  std::function<void()> lost;
  std::vector<std::string> losses;
  redis::Client client;
};

/// What one member asks of the index, and what it is answered.
class IndexMember {
 public:
  IndexMember(StoreConnection& store, const std::string& name)
      : index(store.client, "t", name), store_(store) {}

  std::vector<Correction> tell(const std::vector<IndexOperation>& operations) {
    return value_of<std::vector<Correction>>(
        [&](auto then) { index.apply(operations, std::move(then)); });
  }
  SessionIndex::Found look_up(std::uint64_t number) {
    return value_of<SessionIndex::Found>(
        [&](auto then) { index.lookup(key_of(number), std::move(then)); });
  }
  /// The node of a session; nothing: it is not alive.
  std::optional<NodeTag> where(std::uint64_t number) {
    const SessionIndex::Found found = look_up(number);
    const auto* const alive = std::get_if<SessionIndex::Alive>(&found);
    return alive == nullptr ? std::nullopt : std::optional(alive->tag);
  }
  bool knows_end_of(std::uint64_t number) {
    return std::holds_alternative<SessionIndex::Ended>(look_up(number));
  }
  SessionIndex::Changes changes(std::uint64_t after, std::size_t most = 100) {
    return value_of<SessionIndex::Changes>(
        [&](auto then) { index.read_changes(after, most, std::move(then)); });
  }
  SessionIndex::Counts counts(SessionIndex::Backlog backlog = SessionIndex::Backlog::some) {
    const std::vector<NodeTag> tags{kShop1, kShop2};
    return value_of<SessionIndex::Counts>(
        [&](auto then) { index.read_counts(backlog, tags, std::move(then)); });
  }
  /// "live/pending" of both nodes.
  std::string counted() {
    std::string text;
    for (const SessionIndex::Count& node : counts().nodes) {
      text += (text.empty() ? "" : " ") + std::to_string(node.live) + "/" +
              std::to_string(node.pending);
    }
    return text;
  }
  SessionIndex::Joined join(const std::string& token) {
    return value_of<SessionIndex::Joined>([&](auto then) { index.join(token, std::move(then)); });
  }
  void complete(const std::string& token) {
    value_of<Done>([&](auto then) { index.complete(token, std::move(then)); });
  }
  void displace(NodeTag tag, const std::string& occasion, Millis ago = Millis{0}) {
    value_of<Done>([&](auto then) { index.displaced(tag, occasion, ago, std::move(then)); });
  }
  /// Everything of a member that has left; nothing: it is refused.
  std::optional<SessionIndex::Taken> take_over(const std::string& name, const std::string& token) {
    SessionIndex::Taken all;
    for (std::optional<std::uint32_t> from = 0; from;) {
      const Result<SessionIndex::Taken> part = store_.answer<SessionIndex::Taken>([&](auto then) {
        index.take_over({name, token}, *from, 10, std::move(then));
      });
      if (!part) return std::nullopt;
      from = part->next;
      all.sessions.insert(all.sessions.end(), part->sessions.begin(), part->sessions.end());
      all.aliases.insert(all.aliases.end(), part->aliases.begin(), part->aliases.end());
    }
    return all;
  }
  std::size_t clean(std::size_t most = 100) {
    const std::vector<NodeTag> tags{kShop1, kShop2};
    return value_of<std::size_t>([&](auto then) { index.clean(most, tags, std::move(then)); });
  }

  StoredIndex index;

 private:
  template <class T>
  T value_of(const std::function<void(SessionIndex::Then<T>)>& call) {
    const Result<T> result = store_.answer<T>(call);
    EXPECT_TRUE(result) << result.error();
    return result ? *result : T{};
  }

  StoreConnection& store_;
};

}  // namespace bonedry::admin::cluster
