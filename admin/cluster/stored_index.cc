#include "admin/cluster/stored_index.h"

#include "admin/cluster/index_bytes.h"

#include <array>
#include <optional>
#include <string_view>

namespace bonedry::admin::cluster {
namespace {

using redis::Reply;
using session::SessionKey;
using session::SessionState;
using Elements = std::vector<Reply>;

/// The elements of an array; nullptr: it is none, or has fewer than `least`.
const Elements* elements_of(const Reply& reply, std::size_t least) {
  const bool fits = reply.kind == Reply::Kind::array && reply.elements.size() >= least;
  return fits ? &reply.elements : nullptr;
}

std::optional<std::int64_t> count_of(const Reply& reply) {
  if (reply.kind != Reply::Kind::integer || reply.integer < 0) return std::nullopt;
  return reply.integer;
}

std::optional<Millis> millis_of(const Reply& reply) {
  const auto count = count_of(reply);
  if (!count) return std::nullopt;
  return Millis{*count};
}

std::optional<std::string_view> text_of(const Reply& reply) {
  if (reply.kind != Reply::Kind::text) return std::nullopt;
  return reply.text;
}

std::optional<SessionKey> key_of(const Reply& reply) {
  const auto text = text_of(reply);
  if (!text || text->size() != sizeof(SessionKey)) return std::nullopt;
  return ByteReader(*text).key();
}

std::optional<NodeTag> tag_of(const Reply& reply) {
  const auto text = text_of(reply);
  if (!text || text->size() != sizeof(NodeTag)) return std::nullopt;
  return ByteReader(*text).tag();
}

std::optional<SessionState> state_of(const Reply& reply) {
  const auto number = count_of(reply);
  if (number == 1) return SessionState::pending;
  if (number == 2) return SessionState::live;
  return std::nullopt;
}

/// {key, what, text}, where `what` is one of kIsEnded, kIsAt and kIsAlias of the script.
std::optional<Correction> read_correction(const Reply& reply) {
  const Elements* const fields = elements_of(reply, 3);
  if (fields == nullptr) return std::nullopt;
  const auto key = key_of((*fields)[0]);
  const auto what = count_of((*fields)[1]);
  const auto text = text_of((*fields)[2]);
  if (!key || !what || !text) return std::nullopt;
  ByteReader bytes(*text);
  Correction correction{Correction::Kind::ended, *key, {}, {}, Millis{0}};
  if (*what == 3) {
    const auto target = bytes.key();
    if (!target) return std::nullopt;
    correction.kind = Correction::Kind::renewed;
    correction.other = *target;
    return correction;
  }
  if (*what == 2) {
    const auto tag = bytes.tag();
    if (!tag) return std::nullopt;
    correction.kind = Correction::Kind::is_at;
    correction.tag = *tag;
  } else if (*what != 1) {
    return std::nullopt;
  }
  const auto age = bytes.millis();
  if (!age) return std::nullopt;
  correction.age = Millis{*age};
  return correction;
}

std::optional<std::vector<Correction>> read_corrections(const Reply& reply) {
  const Elements* const rows = elements_of(reply, 0);
  if (rows == nullptr) return std::nullopt;
  std::vector<Correction> corrections;
  for (const Reply& row : *rows) {
    const auto correction = read_correction(row);
    if (!correction) return std::nullopt;
    corrections.push_back(*correction);
  }
  return corrections;
}

constexpr std::size_t kAliveFields = 6;

/// {key, tag, state, age, age of the place, time left}
std::optional<SessionIndex::Alive> read_alive(std::span<const Reply> fields) {
  if (fields.size() < kAliveFields) return std::nullopt;
  const auto key = key_of(fields[0]);
  const auto tag = tag_of(fields[1]);
  const auto state = state_of(fields[2]);
  const auto age = millis_of(fields[3]);
  const auto place_age = millis_of(fields[4]);
  const auto left = millis_of(fields[5]);
  if (!key || !tag || !state || !age || !place_age || !left) return std::nullopt;
  return SessionIndex::Alive{*key, *tag, *state, *age, *place_age, *left};
}

std::optional<SessionIndex::Found> read_found(const Reply& reply) {
  const Elements* const fields = elements_of(reply, 2);
  if (fields == nullptr) return std::nullopt;
  const auto what = count_of(fields->front());
  if (what == 1) return read_alive(std::span(*fields).subspan(1));
  if (what == 2) {
    const auto age = millis_of((*fields)[1]);
    if (!age) return std::nullopt;
    return SessionIndex::Ended{*age};
  }
  const auto knows_us = count_of((*fields)[1]);
  if (what != 0 || !knows_us) return std::nullopt;
  return SessionIndex::Unknown{*knows_us == 1};
}

std::optional<SessionIndex::Taken> read_taken(const Reply& reply) {
  const Elements* const parts = elements_of(reply, 3);
  if (parts == nullptr || parts->front().kind != Reply::Kind::integer) return std::nullopt;
  const Elements* const sessions = elements_of((*parts)[1], 0);
  const Elements* const aliases = elements_of((*parts)[2], 0);
  if (sessions == nullptr || aliases == nullptr) return std::nullopt;
  if (sessions->size() % kAliveFields != 0 || aliases->size() % 2 != 0) return std::nullopt;
  SessionIndex::Taken taken;
  if (const auto next = count_of(parts->front())) taken.next = static_cast<std::uint32_t>(*next);
  for (std::size_t i = 0; i < sessions->size(); i += kAliveFields) {
    const auto alive = read_alive(std::span(*sessions).subspan(i));
    if (!alive) return std::nullopt;
    taken.sessions.push_back(*alive);
  }
  for (std::size_t i = 0; i < aliases->size(); i += 2) {
    const auto key = key_of((*aliases)[i]);
    const auto of = key_of((*aliases)[i + 1]);
    if (!key || !of) return std::nullopt;
    taken.aliases.push_back({*key, *of});
  }
  return taken;
}

/// One kind, one byte that says whose it is, a key, and what the kind needs, see `tell` in the
/// script. `now`: the store's time.
std::optional<IndexChange> read_change(std::string_view text, std::int64_t now) {
  ByteReader bytes(text);
  const auto kind = bytes.number(1);
  const auto member = bytes.number(1);
  const auto key = bytes.key();
  if (!kind || !member || !key) return std::nullopt;
  IndexChange change{IndexChange::Kind::moved, *key, {}, {}, Millis{0}};
  if (*kind == 4 || *kind == 5) {
    const auto other = bytes.key();
    if (!other) return std::nullopt;
    change.kind = *kind == 4 ? IndexChange::Kind::renewed : IndexChange::Kind::aliased;
    change.other = *other;
    return change;
  }
  if (*kind == 6) {
    const auto tag = bytes.tag();
    if (!tag) return std::nullopt;
    change.tag = *tag;
  } else if (*kind == 2) {
    change.kind = IndexChange::Kind::left;
  } else {
    return std::nullopt;
  }
  const auto at = bytes.millis();
  if (!at) return std::nullopt;
  change.age = Millis{std::max<std::int64_t>(0, now - *at)};
  return change;
}

std::optional<SessionIndex::Changes> read_changes_of(const Reply& reply) {
  const Elements* const rows = elements_of(reply, 3);
  if (rows == nullptr) return std::nullopt;
  const auto last = count_of((*rows)[0]);
  const auto gap = count_of((*rows)[1]);
  const auto now = count_of((*rows)[2]);
  if (!last || !gap || !now) return std::nullopt;
  SessionIndex::Changes changes{static_cast<std::uint64_t>(*last), *gap != 0, WallTime{*now}, {}};
  for (std::size_t i = 3; i < rows->size(); ++i) {
    // One that cannot be read, of a later version perhaps, must not hide those after it.
    const auto text = text_of((*rows)[i]);
    const auto change = text ? read_change(*text, *now) : std::nullopt;
    if (change) changes.changes.push_back(*change);
  }
  return changes;
}

std::optional<SessionIndex::Joined> read_joined(const Reply& reply) {
  const Elements* const fields = elements_of(reply, 2);
  if (fields == nullptr) return std::nullopt;
  const auto complete = count_of((*fields)[0]);
  const auto last = count_of((*fields)[1]);
  if (!complete || !last) return std::nullopt;
  return SessionIndex::Joined{*complete == 1, static_cast<std::uint64_t>(*last)};
}

bool read_members(const Reply& reply, std::vector<SessionIndex::WholeMember>& members) {
  const Elements* const fields = elements_of(reply, 0);
  if (fields == nullptr || fields->size() % 3 != 0) return false;
  for (std::size_t i = 0; i < fields->size(); i += 3) {
    const auto name = text_of((*fields)[i]);
    const auto token = text_of((*fields)[i + 1]);
    const Reply& heard = (*fields)[i + 2];
    if (!name || !token || heard.kind != Reply::Kind::integer) return false;
    // Below zero where the store's clock was set back.
    const Millis ago{std::max<std::int64_t>(0, heard.integer)};
    members.push_back({std::string(*name), std::string(*token), ago});
  }
  return true;
}

std::optional<SessionIndex::Counts> read_counts_of(const Reply& reply, std::size_t nodes) {
  const Elements* const fields = elements_of(reply, 2 * nodes + 1);
  if (fields == nullptr) return std::nullopt;
  SessionIndex::Counts counts;
  for (std::size_t i = 0; i < nodes; ++i) {
    const auto live = count_of((*fields)[2 * i]);
    const auto pending = count_of((*fields)[2 * i + 1]);
    if (!live || !pending) return std::nullopt;
    counts.nodes.push_back(
        {static_cast<std::uint64_t>(*live), static_cast<std::uint64_t>(*pending)});
  }
  if (!read_members((*fields)[2 * nodes], counts.complete)) return std::nullopt;
  return counts;
}

std::optional<Done> read_done(const Reply& reply) {
  if (reply.kind != Reply::Kind::integer) return std::nullopt;
  return Done{};
}

std::optional<std::size_t> read_size(const Reply& reply) {
  const auto count = count_of(reply);
  if (!count) return std::nullopt;
  return static_cast<std::size_t>(*count);
}

void add(redis::Words& words, std::span<const NodeTag> tags) {
  for (const NodeTag tag : tags) words.push_back(to_bytes(tag));
}

}  // namespace

template <class T, class Read>
void StoredIndex::run(std::string function, redis::Words arguments, Then<T> then, Read read) {
  script_.run(std::move(function), std::move(arguments),
              [then = std::move(then), read = std::move(read)](const Result<Reply>& reply) {
                if (!reply) return then(Failure{reply.error()});
                auto value = read(*reply);
                if (!value) return then(Failure{std::string("the store's answer has no meaning")});
                then(std::move(*value));
              });
}

void StoredIndex::apply(std::span<const IndexOperation> operations,
                        Then<std::vector<Correction>> then) {
  OperationWriter writer;
  for (const IndexOperation& operation : operations) writer.add(operation);
  run("apply", {std::move(writer).take()}, std::move(then), read_corrections);
}

void StoredIndex::lookup(const SessionKey& key, Then<Found> then) {
  run("lookup", {to_bytes(key)}, std::move(then), read_found);
}

void StoredIndex::take_over(const Leaver& leaver, std::uint32_t from, std::size_t most,
                            Then<Taken> then) {
  run("take_over", {leaver.name, leaver.token, std::to_string(from), std::to_string(most)},
      std::move(then), read_taken);
}

void StoredIndex::read_changes(std::uint64_t after, std::size_t most, Then<Changes> then) {
  run("changes", {std::to_string(after), std::to_string(most)}, std::move(then), read_changes_of);
}

void StoredIndex::join(const std::string& token, Then<Joined> then) {
  run("join", {token}, std::move(then), read_joined);
}

void StoredIndex::complete(const std::string& token, Then<Done> then) {
  run("complete", {token}, std::move(then), read_done);
}

void StoredIndex::read_counts(Backlog backlog, std::span<const NodeTag> tags, Then<Counts> then) {
  redis::Words words{backlog == Backlog::none ? "current" : "behind"};
  add(words, tags);
  run("counts", std::move(words), std::move(then),
      [nodes = tags.size()](const Reply& reply) { return read_counts_of(reply, nodes); });
}

void StoredIndex::displaced(NodeTag tag, const std::string& occasion, Millis age, Then<Done> then) {
  const auto ms = std::max<std::int64_t>(0, age.count());
  run("displaced", {to_bytes(tag), occasion, std::to_string(ms)}, std::move(then), read_done);
}

void StoredIndex::clean(std::size_t most, std::span<const NodeTag> tags, Then<std::size_t> then) {
  redis::Words words{std::to_string(most)};
  add(words, tags);
  run("clean", std::move(words), std::move(then), read_size);
}

}  // namespace bonedry::admin::cluster
