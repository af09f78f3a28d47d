#pragma once

#include "admin/cluster/node_tag.h"
#include "admin/cluster/session_index.h"
#include "session/ledger.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin::cluster {

/// Operations as session_script.lua reads them, one after the other.
class OperationWriter {
 public:
  void add(const IndexOperation& operation);
  [[nodiscard]] std::string take() && { return std::move(bytes_); }

 private:
  void put_kind(IndexOperation::Kind kind);
  void put_state(session::SessionState state);
  void put_place(const IndexOperation& operation);
  void put_millis(Millis millis);
  void put(const session::SessionKey& key);

  std::string bytes_;
};

/// The bytes of a key and of a tag in the index.
[[nodiscard]] std::string to_bytes(const session::SessionKey& key);
[[nodiscard]] std::string to_bytes(NodeTag tag);

/// Reads bytes of the index, which may be anything: nothing where they are not what they should be.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::optional<std::uint64_t> number(std::size_t size);  ///< of at most 8 bytes
  [[nodiscard]] std::optional<session::SessionKey> key();
  [[nodiscard]] std::optional<NodeTag> tag();
  [[nodiscard]] std::optional<std::int64_t> millis();
  [[nodiscard]] bool done() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

}  // namespace bonedry::admin::cluster
