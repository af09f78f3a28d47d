#pragma once

#include "admin/cluster/session_index.h"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {

/// An index that answers when the test says so, what the test has prepared.
class FakeIndex final : public SessionIndex {
 public:
  explicit FakeIndex(const Clock& clock) : clock_(clock) {}

  // What it answers.
  std::vector<Correction> corrections;  // to the next batch
  std::map<session::SessionKey, Found> sessions;
  bool knows_us = true;
  Changes changes;  // to the next question for them; then there are no more
  Counts counts;
  std::deque<Taken> taken;  // one after the other
  Joined joined;
  Millis clock_jump{0};
  std::string error;  // not empty: to everything

  // What it was told and asked, when it answered.
  std::vector<IndexOperation> told;
  std::vector<std::size_t> batches;  // their sizes, when they were sent
  std::size_t in_flight = 0;         // operations
  std::vector<std::string> completed;
  std::vector<std::string> joins;
  std::vector<std::string> occasions;
  std::vector<std::string> takeovers;
  std::vector<session::SessionKey> asked;
  std::vector<std::vector<NodeTag>> counted;
  std::vector<Backlog> backlogs;
  std::size_t cleaned = 0;

  /// Answers what has been sent so far, and what is sent meanwhile.
  void answer_all() {
    while (!waiting_.empty()) answer_next();
  }
  void answer_next() {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next(error);
  }
  /// Nothing of what was sent is answered.
  void lose_all() {
    auto waiting = std::exchange(waiting_, {});
    for (auto& next : waiting) next("the connection was lost");
  }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  void apply(std::span<const IndexOperation> operations,
             Then<std::vector<Correction>> then) override {
    batches.push_back(operations.size());
    in_flight += operations.size();
    std::vector<IndexOperation> copy(operations.begin(), operations.end());
    later<std::vector<Correction>>(std::move(then), [this, copy = std::move(copy)] {
      in_flight -= copy.size();
      told.insert(told.end(), copy.begin(), copy.end());
      return std::exchange(corrections, {});
    });
  }
  void lookup(const session::SessionKey& key, Then<Found> then) override {
    asked.push_back(key);
    later<Found>(std::move(then), [this, key]() -> Found {
      const auto found = sessions.find(key);
      return found == sessions.end() ? Found(Unknown{knows_us}) : found->second;
    });
  }
  void take_over(const Leaver& leaver, std::uint32_t from, std::size_t, Then<Taken> then) override {
    takeovers.push_back(leaver.name + " by " + leaver.token + " from " + std::to_string(from));
    later<Taken>(std::move(then), [this] {
      if (taken.empty()) return Taken{};
      Taken next = std::move(taken.front());
      taken.pop_front();
      return next;
    });
  }
  void read_changes(std::uint64_t after, std::size_t, Then<Changes> then) override {
    later<Changes>(std::move(then), [this, after] {
      Changes next{after, false, {}, {}};
      if (changes.last > after || changes.gap) std::swap(next, changes);
      next.now = clock_.wall() + clock_jump;
      return next;
    });
  }
  void join(const std::string& token, Then<Joined> then) override {
    joins.push_back(token);
    later<Joined>(std::move(then), [this] { return joined; });
  }
  void complete(const std::string& token, Then<Done> then) override {
    later<Done>(std::move(then), [this, token] {
      completed.push_back(token);
      return Done{};
    });
  }
  void read_counts(Backlog backlog, std::span<const NodeTag> tags, Then<Counts> then) override {
    backlogs.push_back(backlog);
    counted.emplace_back(tags.begin(), tags.end());
    later<Counts>(std::move(then), [this] { return counts; });
  }
  void displaced(NodeTag, const std::string& occasion, Millis, Then<Done> then) override {
    later<Done>(std::move(then), [this, occasion] {
      occasions.push_back(occasion);
      return Done{};
    });
  }
  void clean(std::size_t, std::span<const NodeTag>, Then<std::size_t> then) override {
    ++cleaned;
    later<std::size_t>(std::move(then), [] { return std::size_t{0}; });
  }

 private:
  template <class T>
  void later(Then<T> then, std::function<T()> answer) {
    waiting_.push_back(
        [this, then = std::move(then), answer = std::move(answer)](const std::string& why) {
          if (!why.empty()) {
            in_flight = 0;
            return then(Failure{why});
          }
          then(answer());
        });
  }

  const Clock& clock_;
  std::deque<std::function<void(const std::string&)>> waiting_;
};

}  // namespace bonedry::admin::cluster
