#pragma once

#include "admin/cluster/script_runner.h"
#include "admin/cluster/session_index.h"
#include "proxy/redis/commands.h"

#include <string>
#include <utility>

namespace bonedry::admin::cluster {

/// The index in a store, by session_script.lua. What is there may have been written by anything:
/// an answer that cannot be read is an error.
class StoredIndex final : public SessionIndex {
 public:
  /// See ScriptRunner.
  StoredIndex(redis::Commands& store, std::string prefix, std::string member)
      : script_(store, std::move(prefix), std::move(member)) {}

  void apply(std::span<const IndexOperation> operations,
             Then<std::vector<Correction>> then) override;
  void lookup(const session::SessionKey& key, Then<Found> then) override;
  void take_over(const Leaver& leaver, std::uint32_t from, std::size_t most,
                 Then<Taken> then) override;
  void read_changes(std::uint64_t after, std::size_t most, Then<Changes> then) override;
  void join(const std::string& token, Then<Joined> then) override;
  void complete(const std::string& token, Then<Done> then) override;
  void read_counts(Backlog backlog, std::span<const NodeTag> tags, Then<Counts> then) override;
  void displaced(NodeTag tag, const std::string& occasion, Millis age, Then<Done> then) override;
  void clean(std::size_t most, std::span<const NodeTag> tags, Then<std::size_t> then) override;

 private:
  /// Calls `then` with what `read`, which returns a std::optional<T>, makes of the reply.
  template <class T, class Read>
  void run(std::string function, redis::Words arguments, Then<T> then, Read read);

  ScriptRunner script_;
};

}  // namespace bonedry::admin::cluster
