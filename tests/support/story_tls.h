#pragma once

#include "tests/support/socket.h"
#include "tests/support/tls.h"

#include <optional>
#include <string>

/// The same stories are told with plain connections and, in runs with BONEDRY_STORY_TLS in their
/// environment, with TLS between clients, bonedry and nodes. What a story sets itself stays as it
/// is. Thread-safe; the same certificates for the whole process.
namespace bonedry::test {

/// For clients that say nothing of TLS; nothing: plain.
[[nodiscard]] std::optional<TlsClient> story_client_tls();
/// For nodes that say nothing of TLS; nothing: plain.
[[nodiscard]] std::optional<TlsServer> story_node_tls();

/// A client's connection for raw bytes, over TLS in a run with TLS.
[[nodiscard]] Socket connect_story_client(const std::string& address);

/// The files that a config needs so that bonedry speaks TLS with such clients and nodes.
struct StoryTlsFiles {
  std::string ca;
  std::string certificate;
  std::string key;
};
/// Nothing: plain.
[[nodiscard]] std::optional<StoryTlsFiles> story_tls_files();

}  // namespace bonedry::test
