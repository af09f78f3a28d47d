#include "tests/support/http_message.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bonedry::test {
namespace {

using ascii::trimmed;

Header parse_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) throw SocketError("no header field: " + std::string{line});
  return {std::string{line.substr(0, colon)}, std::string{trimmed(line.substr(colon + 1))}};
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return ascii::equal_ignoring_case(a, b);
}

void Headers::add(std::string name, std::string value) {
  fields_.push_back({std::move(name), std::move(value)});
}

std::size_t Headers::count(std::string_view name) const {
  return all(name).size();
}

std::string Headers::get(std::string_view name) const {
  for (const Header& field : fields_) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

std::vector<std::string> Headers::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const Header& field : fields_) {
    if (equal_ignoring_case(field.name, name)) values.push_back(field.value);
  }
  return values;
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
  for (const std::string& value : all(name)) {
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (equal_ignoring_case(trimmed(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

std::string Headers::to_wire() const {
  std::string text;
  for (const auto& [name, value] : fields_) text += name + ": " + value + "\r\n";
  return text;
}

bool MessageReader::fill(Millis deadline) {
  char piece[65536];
  const std::size_t got = socket_.receive(piece, sizeof piece, deadline);
  buffer_.append(piece, got);
  return got > 0;
}

std::string MessageReader::read_line(Millis deadline) {
  for (;;) {
    const auto end = buffer_.find("\r\n");
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      return line;
    }
    if (!fill(deadline)) throw UnexpectedEnd("the peer went in the middle of a line");
  }
}

std::optional<MessageHead> MessageReader::read_head(Millis deadline) {
  while (buffer_.empty()) {
    if (!fill(deadline)) return std::nullopt;
  }
  MessageHead head;
  head.start_line = read_line(deadline);
  head.raw = head.start_line + "\r\n";
  for (;;) {
    const std::string line = read_line(deadline);
    head.raw += line + "\r\n";
    if (line.empty()) return head;
    Header field = parse_field(line);
    head.headers.add(std::move(field.name), std::move(field.value));
  }
}

void MessageReader::read_exactly(std::uint64_t size, const BodySink& sink, Millis deadline) {
  while (size > 0) {
    if (buffer_.empty() && !fill(deadline)) throw UnexpectedEnd("the peer went in a body");
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer_.size()));
    sink(std::string_view{buffer_}.substr(0, take));
    buffer_.erase(0, take);
    size -= take;
  }
}

void MessageReader::read_chunks(const BodySink& sink, Headers& trailers, Millis deadline) {
  for (;;) {
    const std::string line = read_line(deadline);
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (error != std::errc{} || (end != line.data() + line.size() && *end != ';')) {
      throw SocketError("not a chunk: " + line);
    }
    if (size == 0) break;
    read_exactly(size, sink, deadline);
    if (!read_line(deadline).empty()) throw SocketError("a chunk longer than it says");
  }
  for (std::string line = read_line(deadline); !line.empty(); line = read_line(deadline)) {
    Header field = parse_field(line);
    trailers.add(std::move(field.name), std::move(field.value));
  }
}

BodyEnd MessageReader::read_body(const Framing& framing, const BodySink& sink, Headers& trailers,
                                 Millis deadline) {
  try {
    if (framing.chunked) {
      read_chunks(sink, trailers, deadline);
      return BodyEnd::chunked;
    }
    if (framing.length) {
      read_exactly(*framing.length, sink, deadline);
      return BodyEnd::length;
    }
    if (!framing.until_close) return BodyEnd::none;
    for (;;) {
      if (!buffer_.empty()) sink(std::exchange(buffer_, {}));
      if (!fill(deadline)) return BodyEnd::close;
    }
  } catch (const TimedOut&) {
    throw;
  } catch (const SocketError&) {
    return BodyEnd::aborted;
  }
}

bool MessageReader::at_end(Millis deadline) {
  if (!buffer_.empty()) return false;
  try {
    return !fill(deadline);
  } catch (const ConnectionReset&) {
    return true;
  } catch (const TruncatedTls&) {
    return true;
  } catch (const TimedOut&) {
    return false;
  }
}

Response parse_response_head(const MessageHead& head) {
  Response response;
  const std::string& line = head.start_line;
  if (!line.starts_with("HTTP/") || line.size() < 12) throw SocketError("no response: " + line);
  response.version = line.substr(0, 8);
  response.status = std::stoi(line.substr(9, 3));
  if (line.size() > 13) response.reason = line.substr(13);
  response.headers = head.headers;
  response.raw_head = head.raw;
  return response;
}

}  // namespace bonedry::test
