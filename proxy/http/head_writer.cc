#include "proxy/http/head_writer.h"

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

/// The fields of a response as lines.
class FieldWriter final : public ResponseFieldSink {
 public:
  explicit FieldWriter(Writer& writer) : writer_(writer) {}
  void received(const Field& field) override { writer_.field(field); }
  void added(std::string_view name, std::string_view value) override {
    writer_.copy(name, ": "sv, value, "\r\n"sv);
  }

 private:
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

void write_via(const Head& head, std::string_view name, Writer& writer) {
  writer.copy("Via: "sv, via_version(head), " "sv, name, "\r\n"sv);
}

void write_number(std::string_view name, std::uint64_t number, Writer& writer) {
  std::array<char, 20> digits{};
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  writer.copy(name, ": "sv, std::string_view(digits.data(), end), "\r\n"sv);
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
  writer.copy(kVersion, std::string_view(status.data(), status.size()), " "sv, reason, "\r\n"sv);
}

/// Removes leading zeros: the RFC allows them, but some recipients would read an octal number.
void write_length(const Head& head, const Field& field, Writer& writer) {
  const std::string_view value = head.value(field);
  if (value.size() == 1 || !value.starts_with('0')) return writer.field(field);
  write_number("Content-Length", parse_length(value).value_or(0), writer);
}

/// Whether a request field is removed, or written elsewhere than in the loop over all fields.
bool is_removed_or_rewritten(const Field& field, const RequestInfo& request, Trust trust,
                             const RequestEdits& edits, const HopByHop& hop_by_hop) {
  const ForwardedFields forwarded = edits.forwarded;
  switch (field.id) {
    case FieldName::x_forwarded_for:
    case FieldName::x_forwarded_host:
    case FieldName::x_forwarded_proto:
      return trust == Trust::none || forwarded != ForwardedFields::rfc7239;
    case FieldName::forwarded:
      return trust == Trust::none || forwarded != ForwardedFields::x_forwarded;
    case FieldName::client_info_field:
      return trust == Trust::none;
    case FieldName::host:
      return request.target_form == TargetForm::absolute;
    case FieldName::expect:
      return !request.expects_continue;
    case FieldName::max_forwards:
      return request.max_forwards.has_value();
    case FieldName::x_request_id:
      return !edits.request_id.empty() || hop_by_hop(field);
    case FieldName::proxy:
      return true;  // CGI would name it HTTP_PROXY, which programs take for their own setting
    case FieldName::bonedry_pass:
      return true;
    case FieldName::content_length:
      return false;
    default:
      return hop_by_hop(field);
  }
}

/// Whether applications take a field for one of RFC 9440, however its name is spelled.
bool is_client_cert(std::string_view name) {
  constexpr std::array<std::string_view, 2> kNames{"client-cert", "client-cert-chain"};
  const auto same = [](char received, char known) {
    return ascii::to_lower(received) == known ||
           (known == '-' && has_cgi_ambiguous_char({&received, 1}));
  };
  return std::ranges::any_of(
      kNames, [&](std::string_view known) { return std::ranges::equal(name, known, same); });
}

/// A certificate that a client has shown to us replaces what even a trusted proxy says of one.
bool is_replaced_certificate(const Head& head, const Field& field, const ClientInfo& client) {
  return !client.certificate.empty() && field.id == FieldName::client_info_field &&
         is_client_cert(head.name(field));
}

// Pieces between our cookies. No honest request has more; the rest is dropped.
constexpr std::size_t kMaxCookiePieces = 16;

std::string_view without_last_separator(std::string_view text) {
  const std::size_t end = text.find_last_not_of("; \t");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

void write_cookie(const Head& head, const Field& field, const CookieFilter* cookies,
                  Writer& writer) {
  if (cookies == nullptr) return writer.field(field);
  CookieFilter::Kept kept = cookies->filter(head.value(field));
  if (!kept.changed) return writer.field(field);
  if (kept.before.empty() && kept.after.empty()) return;
  // A browser may send several cookies of one name, for several paths or domains.
  std::array<std::string_view, kMaxCookiePieces> pieces;
  std::size_t count = 0;
  while (kept.changed && count + 1 < pieces.size()) {
    if (!kept.before.empty()) pieces[count++] = kept.before;
    const std::string_view rest = kept.after;
    kept = cookies->filter(rest);
    if (!kept.changed && !rest.empty()) pieces[count++] = rest;
  }
  if (count == 0) return;
  writer.copy("Cookie: "sv);
  for (std::size_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    writer.original(last ? without_last_separator(pieces[i]) : pieces[i]);
  }
  writer.copy("\r\n"sv);
}

/// RFC 9110, 7.8: Upgrade is for this connection only, so each hop writes its own.
void write_upgrade(std::string_view protocol, Writer& writer) {
  if (protocol.empty()) return;
  writer.copy("Connection: Upgrade\r\nUpgrade: "sv, protocol, "\r\n"sv);
}

/// Schemes of requests over HTTP/1.1: some proxies report ws or wss for WebSocket.
bool is_scheme(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kSchemes{"http", "https", "ws", "wss"};
  return std::ranges::any_of(
      kSchemes, [text](std::string_view scheme) { return equal_ignoring_case(text, scheme); });
}

/// The value that a trusted proxy wrote in a field, if there is one and it is valid; else `ours`.
std::string_view forwarded_or(const Head& head, FieldName id, bool (*valid)(std::string_view),
                              std::string_view ours) {
  const Field* only = nullptr;
  for (const Field& field : head.fields) {
    if (field.id != id) continue;
    if (only != nullptr) return ours;
    only = &field;
  }
  return only != nullptr && valid(head.value(*only)) ? head.value(*only) : ours;
}

/// RFC 9110, 5.6.4: whether all quoted strings are closed. Text appended after an unclosed one
/// would be read as part of it.
bool has_balanced_quotes(std::string_view text) {
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (text[at] == '\\' && quoted) ++at;
  }
  return !quoted;
}

/// RFC 7239, 4: a value is a token, or quoted. A host contains neither quotes nor backslashes.
void write_host(std::string_view host, Writer& writer) {
  const std::string_view quote = host.find_first_of(":[]()=;") == host.npos ? "" : "\"";
  writer.copy(";host="sv, quote, host, quote);
}

/// RFC 7239: adds an element for this hop after those that trusted proxies wrote.
void write_rfc7239(const Head& head, const ClientInfo& client, std::string_view scheme,
                   std::string_view host, Writer& writer) {
  writer.copy("Forwarded: "sv);
  for (const Field& field : head.fields) {
    if (client.trust == Trust::none) break;
    if (field.id != FieldName::forwarded || field.value.size == 0) continue;
    if (!has_balanced_quotes(head.value(field))) continue;
    writer.original(head.value(field));
    writer.copy(", "sv);
  }
  const bool v6 = client.address.find(':') != std::string_view::npos;
  writer.copy(v6 ? "for=\"["sv : "for="sv, client.address, v6 ? "]\";proto="sv : ";proto="sv,
              scheme);
  if (!host.empty()) write_host(host, writer);
  writer.copy("\r\n"sv);
}

void write_x_forwarded(const Head& head, const ClientInfo& client, std::string_view scheme,
                       std::string_view host, Writer& writer) {
  writer.copy("X-Forwarded-For: "sv);
  for (const Field& field : head.fields) {
    if (client.trust == Trust::none) break;
    if (field.id != FieldName::x_forwarded_for || field.value.size == 0) continue;
    writer.original(head.value(field));
    writer.copy(", "sv);
  }
  const std::string_view host_name = host.empty() ? ""sv : "\r\nX-Forwarded-Host: "sv;
  writer.copy(client.address, "\r\nX-Forwarded-Proto: "sv, scheme, host_name, host, "\r\n"sv);
}

void write_forwarded(const Head& head, std::string_view host, const ClientInfo& client,
                     ForwardedFields forwarded, Writer& writer) {
  std::string_view scheme = client.scheme;
  if (client.trust == Trust::forwarded) {
    scheme = forwarded_or(head, FieldName::x_forwarded_proto, is_scheme, scheme);
    host = forwarded_or(head, FieldName::x_forwarded_host, is_host, host);
  }
  if (forwarded != ForwardedFields::rfc7239) write_x_forwarded(head, client, scheme, host, writer);
  if (forwarded != ForwardedFields::x_forwarded) write_rfc7239(head, client, scheme, host, writer);
}

void write_request_id(std::string_view id, Writer& writer) {
  if (!id.empty()) writer.copy("X-Request-Id: "sv, id, "\r\n"sv);
}

}  // namespace

void write_request_head(const Head& head, const RequestInfo& request, const ClientInfo& client,
                        const RequestEdits& edits, HeadSink sink) {
  const HopByHop hop_by_hop(head);
  Writer writer(head, sink);
  write_request_line(head, request, writer);
  for (const Field& field : head.fields) {
    if (field.id == FieldName::cookie) {
      write_cookie(head, field, edits.cookies, writer);
    } else if (field.id == FieldName::content_length) {
      write_length(head, field, writer);
    } else if (!is_removed_or_rewritten(field, request, client.trust, edits, hop_by_hop) &&
               !is_replaced_certificate(head, field, client)) {
      writer.field(field);
    }
  }
  // RFC 9112, 3.2: a request to a node always has a Host; a received HTTP/1.0 one may lack it.
  const bool has_host =
      request.target_form != TargetForm::absolute && head.find(FieldName::host) != nullptr;
  if (!has_host) {
    writer.copy("Host: "sv, request.host, "\r\n"sv);
  }
  if (request.body.length == BodyLength::unknown) writer.copy("Transfer-Encoding: chunked\r\n"sv);
  write_upgrade(request.upgrade, writer);
  if (request.max_forwards) write_number("Max-Forwards", *request.max_forwards - 1, writer);
  if (client.address.empty()) return writer.copy("Connection: close\r\n\r\n"sv);
  write_via(head, edits.via, writer);
  write_forwarded(head, request.host, client, edits.forwarded, writer);
  write_request_id(edits.request_id, writer);
  writer.copy(client.certificate, "\r\n"sv);
}

void write_response_head(const Head& head, const ResponseWriteOptions& options, HeadSink sink) {
  Writer writer(head, sink);
  write_status_line(head, writer);
  FieldWriter fields(writer);
  each_response_field(head, options, options.hsts, fields);
  if (options.framing == FramingKind::chunked) writer.copy("Transfer-Encoding: chunked\r\n"sv);
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
