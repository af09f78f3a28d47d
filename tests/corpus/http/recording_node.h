#pragma once

#include "tests/support/socket.h"

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bonedry::corpus {

/// One complete request as it reached the node.
struct Seen {
  std::string head;
  std::string body;
  std::string trailers;
  std::string wrong;           ///< why two nodes could read it differently, or ""
  std::size_t connection = 0;  ///< from 1

  [[nodiscard]] std::string all() const { return head + body + trailers; }
};

enum class Pace { at_once, byte_by_byte };

/// A node that keeps every byte and parses requests as strictly as possible: whatever needs
/// interpretation is reported as wrong. It responds with "ok TARGET", except to "/case", which has
/// a scripted response. Runs on its own threads. Thread-safe.
class RecordingNode {
 public:
  RecordingNode();
  ~RecordingNode();
  RecordingNode(const RecordingNode&) = delete;
  RecordingNode& operator=(const RecordingNode&) = delete;

  [[nodiscard]] const std::string& address() const { return port_.address(); }
  /// Sets the response to "/case", and whether the node closes after it.
  enum class After { keep, close };
  void answer_case(std::string bytes, Pace pace, After after);
  /// The requests since the last call.
  [[nodiscard]] std::vector<Seen> take();
  /// Stops the node; returns the bytes of requests that never became complete.
  [[nodiscard]] std::vector<std::string> stop();

 private:
  struct Connection {
    test::Socket socket;
    std::thread thread;
  };

  void accept_loop();
  void serve(test::Socket& socket, std::size_t number);
  [[nodiscard]] bool answer(test::Socket& socket, const Seen& seen);

  test::ListeningPort port_;
  std::thread acceptor_;
  std::mutex mutex_;  // guards what follows
  std::list<Connection> connections_;
  std::vector<Seen> seen_;
  std::vector<std::string> partial_;
  std::optional<std::string> bytes_;
  Pace pace_ = Pace::at_once;
  After after_ = After::keep;
};

/// Why two recipients could read this head differently, or "".
[[nodiscard]] std::string what_is_wrong(std::string_view head);

}  // namespace bonedry::corpus
