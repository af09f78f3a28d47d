#include "proxy/http/head_writer.h"

#include "proxy/http/local_response.h"
#include "proxy/http/request_fields.h"
#include "proxy/http/response_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstring>
#include <span>
#include <utility>

namespace bonedry::http {

using namespace std::string_view_literals;

namespace {

/// The received field line if it has canonical form, so that its bytes can be forwarded; else "".
std::string_view canonical_line(const Head& head, const Field& field) {
  const char* const begin = head.base + field.name.at;
  const std::size_t gap = field.value.at - field.name.at - field.name.size;
  const char* const value_end = head.base + field.value.at + field.value.size;
  const std::size_t left = static_cast<std::size_t>(head.base + head.size - value_end);
  // An empty value has no position in the head, so its line is rewritten.
  const bool fits = field.value.size > 0 && gap == 2 && begin[field.name.size + 1] == ' ' &&
                    left >= 2 && value_end[0] == '\r' && value_end[1] == '\n';
  if (!fits) return {};
  return {begin, field.name.size + gap + field.value.size + 2};
}

/// Assembles a head. Copied text is collected in one piece of memory; a run of original bytes that
/// is long enough becomes a slice of its own between two such pieces.
class Writer {
 public:
  Writer(const Head& head, HeadSink sink) : head_(head), sink_(sink) {}
  ~Writer() {
    end_run();
    end_copies();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Adds bytes of the head itself. Adjacent ones become one run.
  void original(std::string_view text) {
    if (original_run_.data() + original_run_.size() == text.data()) {
      original_run_ = {original_run_.data(), original_run_.size() + text.size()};
      return;
    }
    end_run();
    original_run_ = text;
  }
  /// Adds text that is not part of the head.
  void copy(std::same_as<std::string_view> auto... pieces) {
    end_run();
    append(pieces...);
  }

  void field(const Field& field) {
    const std::string_view line = canonical_line(head_, field);
    if (!line.empty()) return original(line);
    copy(head_.name(field), ": "sv, head_.value(field), "\r\n"sv);
  }

 private:
  void end_run() {
    if (original_run_.empty()) return;
    const std::string_view run = std::exchange(original_run_, {});
    if (run.size() < SliceQueue::kCopied) return append(run);
    end_copies();
    sink_.queue.push({head_.block, run.data(), run.size()});
  }
  void append(std::same_as<std::string_view> auto... pieces) {
    if (has_room((pieces.size() + ...))) {
      (put(pieces), ...);
    } else {
      (sink_.queue.push_copy(sink_.blocks, pieces), ...);
    }
  }
  void put(std::string_view text) {
    if (text.empty()) return;  // its data() may be nullptr
    std::memcpy(copy_room_.data() + copied_, text.data(), text.size());
    copied_ += text.size();
  }
  /// Makes room for `size` bytes in one piece of memory.
  bool has_room(std::size_t size) {
    if (size <= copy_room_.size() - copied_) return true;
    end_copies();
    // A single value may be as long as a whole head.
    if (size > BlockPool::kBlockSize) return false;
    copy_room_ = sink_.blocks.reserve(size);
    return true;
  }
  void end_copies() {
    if (copied_ > 0) sink_.queue.push(sink_.blocks.commit(copied_));
    copy_room_ = {};
    copied_ = 0;
  }

  const Head& head_;
  HeadSink sink_;
  std::string_view original_run_;
  std::span<char> copy_room_;
  std::size_t copied_ = 0;
};

/// Fields as lines.
class FieldWriter final : public FieldSink {
 public:
  FieldWriter(const Head& head, Writer& writer) : head_(head), writer_(writer) {}
  void received(const Field& field) override { writer_.field(field); }
  void added(std::string_view name, std::string_view value) override {
    writer_.copy(name, ": "sv, value, "\r\n"sv);
  }
  void begin(std::string_view name) override { writer_.copy(name, ": "sv); }
  void part(std::string_view text) override {
    const auto at = reinterpret_cast<std::uintptr_t>(text.data());
    const auto begin = reinterpret_cast<std::uintptr_t>(head_.base);
    at >= begin&& at < begin + head_.size ? writer_.original(text) : writer_.copy(text);
  }
  void end() override { writer_.copy("\r\n"sv); }

 private:
  const Head& head_;
  Writer& writer_;
};

void write_request_line(const Head& head, const RequestInfo& request, Writer& writer) {
  const char* const begin = head.base + head.method.at;
  static constexpr std::string_view kRest = " HTTP/1.1\r\n";
  const char* const behind = head.base + head.target.at + head.target.size;
  // RFC 9112, 3: one space each between method, target and version; llhttp accepts more.
  const bool canonical = request.target_form != TargetForm::absolute &&
                         head.target.at == head.method.at + head.method.size + 1 &&
                         std::string_view(behind, kRest.size()) == kRest;
  if (canonical) {
    return writer.original({begin, static_cast<std::size_t>(behind - begin) + kRest.size()});
  }
  writer.original({begin, head.method.size});
  writer.copy(" "sv, request.path, " HTTP/1.1\r\n"sv);
}

/// RFC 9112, 4: "HTTP/1.1 200 OK".
void write_status_line(const Head& head, Writer& writer) {
  static constexpr std::string_view kVersion = "HTTP/1.1 ";
  static constexpr std::size_t kBeforeReason = kVersion.size() + 4;
  const std::string_view reason = head.text(head.reason);
  const std::size_t size = kBeforeReason + reason.size() + 2;
  const std::string_view line(head.base, std::min<std::size_t>(size, head.size));
  const bool canonical = head.reason.at == kBeforeReason && line.starts_with(kVersion) &&
                         line[kBeforeReason - 1] == ' ' && line.ends_with("\r\n");
  if (canonical) return writer.original(line);
  std::array<char, 3> status{};
  std::to_chars(status.data(), status.data() + status.size(), head.status);
  // HTTP/2 has no reasons.
  writer.copy(kVersion, std::string_view(status.data(), status.size()), " "sv,
              head.major == 2 ? reason_phrase(head.status) : reason, "\r\n"sv);
}

/// RFC 9110, 7.8: Upgrade is for this connection only, so each hop writes its own.
void write_upgrade(std::string_view protocol, Writer& writer) {
  if (protocol.empty()) return;
  writer.copy("Connection: Upgrade\r\nUpgrade: "sv, protocol, "\r\n"sv);
}

}  // namespace

void write_request_head(const Head& head, const RequestInfo& request, const ClientInfo& client,
                        const RequestEdits& edits, HeadSink sink) {
  Writer writer(head, sink);
  FieldWriter fields(head, writer);
  write_request_line(head, request, writer);
  each_kept_request_field(head, request, client, edits, fields);
  // RFC 9112, 3.2: a request to a node always has a Host; a received HTTP/1.0 one may lack it.
  const bool has_host =
      request.target_form != TargetForm::absolute && head.find(FieldName::host) != nullptr;
  if (!has_host) fields.added("Host", request.host);
  if (request.body.length == BodyLength::unknown) fields.added("Transfer-Encoding", "chunked");
  write_upgrade(request.upgrade, writer);
  each_own_request_field(head, request, client, edits, fields);
  if (client.address.empty()) fields.added("Connection", "close");
  writer.copy("\r\n"sv);
}

void write_response_head(const Head& head, const ResponseWriteOptions& options, HeadSink sink) {
  Writer writer(head, sink);
  write_status_line(head, writer);
  FieldWriter fields(head, writer);
  each_response_field(head, options, options.hsts, fields);
  if (options.framing == FramingKind::chunked) writer.copy("Transfer-Encoding: chunked\r\n"sv);
  if (options.length == ResponseWriteOptions::Length::zero) fields.added("Content-Length", "0");
  if (!options.upgrade.empty()) {
    write_upgrade(options.upgrade, writer);
  } else if (options.persistence == Persistence::close) {
    writer.copy("Connection: close\r\n"sv);
  } else if (options.to_http_1_0) {
    writer.copy("Connection: keep-alive\r\n"sv);
  }
  writer.copy("\r\n"sv);
}

void write_interim_head(const Head& head, HeadSink sink) {
  write_response_head(head, ResponseWriteOptions{}, sink);
}

void write_chunk_line(std::size_t size, HeadSink sink) {
  std::array<char, 18> line{};
  char* end = std::to_chars(line.data(), line.data() + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  sink.queue.push_copy(sink.blocks, {line.data(), static_cast<std::size_t>(end - line.data())});
}

}  // namespace bonedry::http
