#include "tests/corpus/http/recording_node.h"

#include "tests/support/http_message.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace bonedry::corpus {
namespace {

using test::Socket;
using test::SocketError;

bool is_token(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::ranges::all_of(text, fits);
}

bool is_number(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.size() < 19 && std::ranges::all_of(text, digit) &&
         (text == "0" || text.front() != '0');
}

/// Removes the first line from `text` and returns it without its CR LF.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  return line;
}

/// The value of the only field with this name, in the form that bonedry writes.
std::optional<std::string_view> value_of(std::string_view head, std::string_view name) {
  next_line(head);
  while (!head.empty()) {
    const std::string_view line = next_line(head);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && test::equal_ignoring_case(line.substr(0, colon), name)) {
      return line.substr(std::min(colon + 2, line.size()));
    }
  }
  return std::nullopt;
}

/// Reads requests from a socket, and keeps what was read of an incomplete one.
class Requests {
 public:
  explicit Requests(Socket& socket) : socket_(socket) {}

  /// Empty when the peer has closed.
  std::optional<Seen> next() {
    Seen seen;
    if (!take_until("\r\n\r\n", seen.head)) return std::nullopt;
    seen.wrong = what_is_wrong(seen.head);
    if (seen.head.find("\r\nExpect: 100-continue\r\n") != std::string::npos) {
      socket_.send_all("HTTP/1.1 100 Continue\r\n\r\n");
    }
    if (!take_body(seen)) return std::nullopt;
    in_.erase(0, at_);
    at_ = 0;
    return seen;
  }
  [[nodiscard]] const std::string& left() const { return in_; }

 private:
  bool take_body(Seen& seen) {
    if (const auto length = value_of(seen.head, "Content-Length")) {
      std::size_t size = 0;
      std::from_chars(length->data(), length->data() + length->size(), size);
      return take(size, seen.body);
    }
    return !value_of(seen.head, "Transfer-Encoding") || take_chunks(seen);
  }

  bool take_chunks(Seen& seen) {
    for (;;) {
      std::string line;
      if (!take_until("\r\n", line)) return false;
      std::size_t size = 0;
      const char* const digits_end = line.data() + line.size() - 2;
      const auto [end, error] = std::from_chars(line.data(), digits_end, size, 16);
      if (end != digits_end || error != std::errc{}) seen.wrong = "a chunk line: " + line;
      if (size == 0) break;
      std::string line_end;
      if (!take(size, seen.body) || !take(2, line_end)) return false;
      if (line_end != "\r\n") seen.wrong = "no line end behind a chunk";
    }
    std::string line;
    while (take_until("\r\n", line)) {
      if (line == "\r\n") return true;
      seen.trailers += std::exchange(line, {});
    }
    return false;
  }

  bool take_until(std::string_view end, std::string& out) {
    std::size_t found = 0;
    while ((found = in_.find(end, at_)) == std::string::npos) {
      if (!receive()) return false;
    }
    return take(found + end.size() - at_, out);
  }
  bool take(std::size_t size, std::string& out) {
    while (in_.size() - at_ < size) {
      if (!receive()) return false;
    }
    out += in_.substr(at_, size);
    at_ += size;
    return true;
  }
  bool receive() {
    char buffer[16384];
    const std::size_t size = socket_.receive(buffer, sizeof(buffer), test::kDeadline * 10);
    in_.append(buffer, size);
    return size > 0;
  }

  Socket& socket_;
  std::string in_;      // received bytes of the current request
  std::size_t at_ = 0;  // how much of it has been parsed
};

}  // namespace

std::string what_is_wrong(std::string_view head) {
  const std::string_view lines = head.substr(0, head.size() - 2);
  std::string_view rest = lines;
  const std::string_view first = next_line(rest);
  if (!first.ends_with(" HTTP/1.1") || std::ranges::count(first, ' ') != 2) return "a request line";
  std::size_t hosts = 0;
  std::size_t framings = 0;
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) return "a field without a colon and a blank";
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (!is_token(name)) return "a name that is no token";
    const auto control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; };
    if (std::ranges::any_of(value, control)) return "a control character in a value";
    if (test::equal_ignoring_case(name, "Host")) ++hosts;
    if (test::equal_ignoring_case(name, "Content-Length")) {
      ++framings;
      if (!is_number(value)) return "a Content-Length that is not a plain number";
    }
    if (test::equal_ignoring_case(name, "Transfer-Encoding")) {
      ++framings;
      if (value != "chunked") return "a Transfer-Encoding";
    }
    if (test::equal_ignoring_case(name, "Proxy")) return "a Proxy field";
  }
  if (hosts != 1) return "not one Host";
  return framings > 1 ? "more than one framing" : "";
}

RecordingNode::RecordingNode() {
  port_.open();
  acceptor_ = std::thread([this] { accept_loop(); });
}

RecordingNode::~RecordingNode() {
  (void)stop();
}

std::vector<std::string> RecordingNode::stop() {
  if (acceptor_.joinable()) {
    port_.refuse();
    acceptor_.join();
    port_.close();
  }
  std::list<Connection> connections;
  {
    const std::lock_guard lock{mutex_};
    for (Connection& connection : connections_) connection.socket.shut_down();
    connections.swap(connections_);
  }
  for (Connection& connection : connections) connection.thread.join();
  const std::lock_guard lock{mutex_};
  return partial_;
}

void RecordingNode::answer_case(std::string bytes, Pace pace, After after) {
  const std::lock_guard lock{mutex_};
  bytes_ = std::move(bytes);
  pace_ = pace;
  after_ = after;
}

std::vector<Seen> RecordingNode::take() {
  const std::lock_guard lock{mutex_};
  return std::exchange(seen_, {});
}

void RecordingNode::accept_loop() {
  for (std::size_t number = 1;; ++number) {
    Socket socket = port_.accept(std::chrono::hours{1});
    if (!socket.is_open()) return;
    const std::lock_guard lock{mutex_};
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    connection.thread =
        std::thread([this, &connection, number] { serve(connection.socket, number); });
  }
}

void RecordingNode::serve(Socket& socket, std::size_t number) {
  Requests requests(socket);
  try {
    while (auto seen = requests.next()) {
      seen->connection = number;
      {
        const std::lock_guard lock{mutex_};
        seen_.push_back(*seen);
      }
      if (!answer(socket, *seen)) break;
    }
  } catch (const SocketError&) {  // the proxy has closed
  }
  if (!requests.left().empty()) {
    const std::lock_guard lock{mutex_};
    partial_.push_back(requests.left());
  }
  socket.shut_down();
}

/// Whether the connection stays open.
bool RecordingNode::answer(Socket& socket, const Seen& seen) {
  const std::string line = seen.head.substr(0, seen.head.find('\r'));
  const std::string method = line.substr(0, line.find(' '));
  const std::string target = line.substr(method.size() + 1, line.rfind(' ') - method.size() - 1);
  std::string bytes;
  Pace pace = Pace::at_once;
  After after = After::keep;
  std::unique_lock lock{mutex_};
  if (target == "/case" && bytes_) {
    bytes = *bytes_;
    pace = pace_;
    after = after_;
  } else {
    const std::string body = "ok " + target;
    bytes = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
            (method == "HEAD" ? "" : body);
  }
  lock.unlock();
  const std::size_t step = pace == Pace::at_once ? bytes.size() : 1;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    socket.send_all(std::string_view(bytes).substr(at, step));
  }
  return after == After::keep;
}

}  // namespace bonedry::corpus
