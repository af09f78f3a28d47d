#include "proxy/http/parser.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace bonedry::http {
namespace {

// Shorter pieces are moved next to the previous one: cheaper than one more entry of a writev.
constexpr std::size_t kSmallPiece = 512;

// RFC 9112, 2.2: a client may send an empty line or two after a body, although it should not.
constexpr std::size_t kMaxEmptyLines = 4;
constexpr std::string_view kLineEnd = "\r\n";

// RFC 9112, 7.1.1: the framing of chunks is limited to this many bytes per chunk on average. Sizes
// need 18, and no client or server is known to use extensions.
constexpr std::uint64_t kMaxFramingBytes = 256;

// llhttp's reason for a well-formed version that it does not support.
constexpr std::string_view kUnknownVersion = "Invalid HTTP version";

constexpr const char* kBytesKey = "[limits] header_bytes";

/// Our texts for llhttp's errors.
const char* error_text(llhttp_errno_t error) {
  switch (error) {
    case HPE_PAUSED_H2_UPGRADE:
      return "an HTTP/2 preface, but only HTTP/1.0 and 1.1 are supported";
    case HPE_INVALID_METHOD:
      return "an unknown or malformed method";
    case HPE_INVALID_URL:
      return "a malformed target";
    case HPE_INVALID_CONSTANT:
      return "a malformed first line";
    case HPE_INVALID_STATUS:
      return "a malformed status line";
    case HPE_INVALID_HEADER_TOKEN:
      return "a malformed header field";
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return "a malformed Content-Length, or one beside another framing";
    case HPE_INVALID_TRANSFER_ENCODING:
      return "a malformed Transfer-Encoding, or one beside a Content-Length";
    case HPE_INVALID_CHUNK_SIZE:
      return "a malformed chunk";
    case HPE_CR_EXPECTED:
    case HPE_LF_EXPECTED:
      return "a CR or LF that is not a line end";
    default:
      return "a malformed message";
  }
}

using ascii::is_blank;
using ascii::is_digit;

/// Whether the version before or around `stop` has one digit too many: HTTP/11.1, HTTP/1.12.
bool has_extra_version_digit(std::string_view bytes, std::size_t stop) {
  constexpr std::string_view kName = "HTTP/";
  const std::size_t name = bytes.substr(0, stop).rfind(kName);
  if (name == std::string_view::npos) return false;
  const std::string_view version = bytes.substr(name + kName.size(), 4);
  if (version.size() > 1 && is_digit(version[0]) && is_digit(version[1])) return true;
  return version.size() == 4 && is_digit(version[0]) && version[1] == '.' && is_digit(version[2]) &&
         is_digit(version[3]);
}

}  // namespace

/// llhttp's callbacks, as one struct so that they see Parser's members.
struct Parser::Callbacks {
  static Parser& self(llhttp_t* llhttp) { return *static_cast<Parser*>(llhttp->data); }

  /// Pieces of one token are adjacent in the buffer, no matter how the bytes arrived.
  static void extend(Parser& parser, Span& span, const char* at, std::size_t size) {
    if (size == 0) return;
    if (span.size == 0) span.at = static_cast<std::uint32_t>(at - parser.base_);
    span.size += static_cast<std::uint32_t>(size);
  }

  static int on_method(llhttp_t* llhttp, const char* at, std::size_t size) {
    Parser& parser = self(llhttp);
    extend(parser, parser.head_->method, at, size);
    return 0;
  }

  static int on_target(llhttp_t* llhttp, const char* at, std::size_t size) {
    Parser& parser = self(llhttp);
    extend(parser, parser.head_->target, at, size);
    return 0;
  }

  static int on_reason(llhttp_t* llhttp, const char* at, std::size_t size) {
    Parser& parser = self(llhttp);
    extend(parser, parser.head_->reason, at, size);
    return 0;
  }

  static int on_field(llhttp_t* llhttp, const char* at, std::size_t size) {
    Parser& parser = self(llhttp);
    if (parser.head_ == nullptr) return on_trailer(parser, parser.trailer_name_, at, size);
    auto& fields = parser.head_->fields;
    // The value of the previous field is complete as soon as a name follows, see on_value_end.
    if (fields.empty() || fields.back().id != kNameIncomplete) {
      if (size == 0) return 0;
      if (fields.size() + parser.dropped_ == parser.limits_.fields) {
        parser.refusal_ = {431, "too many header fields", "[limits] headers"};
        return HPE_USER;
      }
      fields.emplace_back();
      fields.back().id = kNameIncomplete;
    }
    extend(parser, fields.back().name, at, size);
    return 0;
  }

  /// Values are interpreted only by rules.h. llhttp would also interpret those of Content-Length,
  /// Transfer-Encoding, Connection and Upgrade. It accepts no tab after them (RFC 9110, 5.5: OWS),
  /// and could understand a message differently.
  static int on_field_end(llhttp_t* llhttp) {
    llhttp->header_state = 0;  // as for any other field
    return 0;
  }

  static int on_value(llhttp_t* llhttp, const char* at, std::size_t size) {
    Parser& parser = self(llhttp);
    if (parser.head_ == nullptr) return on_trailer(parser, parser.trailer_value_, at, size);
    extend(parser, parser.head_->fields.back().value, at, size);
    return 0;
  }

  static int on_value_end(llhttp_t* llhttp) {
    Parser& parser = self(llhttp);
    if (parser.head_ == nullptr) return parser.keep_trailer();
    Field& field = parser.head_->fields.back();
    const std::string_view name(parser.base_ + field.name.at, field.name.size);
    // llhttp has skipped leading spaces and tabs.
    const char* const value = parser.base_ + field.value.at;
    while (field.value.size > 0 && is_blank(value[field.value.size - 1])) --field.value.size;
    const CheckedName checked = parser.check_name(name);
    field.id = checked.id;
    if (checked.fate == CheckedName::Fate::forward) return 0;
    parser.head_->fields.pop_back();
    ++parser.dropped_;
    return checked.fate == CheckedName::Fate::drop ? 0 : parser.refuse_name();
  }

  static int on_head_end(llhttp_t* /*llhttp*/) { return HPE_PAUSED; }

  static int on_chunk_line(llhttp_t* llhttp) {
    ++self(llhttp).chunks_;
    return 0;
  }

  static int on_body(llhttp_t* llhttp, const char* at, std::size_t size) {
    Parser& parser = self(llhttp);
    BodyPieces& found = *parser.pieces_;
    found.bytes += size;
    Span& last = found.pieces[found.count == 0 ? 0 : found.count - 1];
    const bool join = found.count == BodyPieces::kMax || (found.count > 0 && size < kSmallPiece);
    if (!join) {
      found.pieces[found.count++] = {static_cast<std::uint32_t>(at - parser.data_),
                                     static_cast<std::uint32_t>(size)};
      return 0;
    }
    std::memmove(parser.data_ + last.at + last.size, at, size);
    last.size += static_cast<std::uint32_t>(size);
    return 0;
  }

  static int on_trailer(Parser& parser, std::string& part, const char* at, std::size_t size) {
    parser.trailer_bytes_ += size;
    if (parser.trailer_bytes_ > parser.limits_.bytes) {
      parser.refusal_ = {431, "trailers that are too large", kBytesKey};
      return HPE_USER;
    }
    part.append(at, size);
    return 0;
  }

  static int on_message_end(llhttp_t* /*llhttp*/) { return HPE_PAUSED; }

  static const llhttp_settings_t& settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t set;
      llhttp_settings_init(&set);
      set.on_method = on_method;
      set.on_url = on_target;
      set.on_status = on_reason;
      set.on_header_field = on_field;
      set.on_header_field_complete = on_field_end;
      set.on_header_value = on_value;
      set.on_header_value_complete = on_value_end;
      set.on_headers_complete = on_head_end;
      set.on_chunk_header = on_chunk_line;
      set.on_body = on_body;
      set.on_message_complete = on_message_end;
      return set;
    }();
    return settings;
  }

  /// Marks a field whose name is still being read.
  static constexpr auto kNameIncomplete = static_cast<FieldName>(255);
};

void Parser::start() {
  llhttp_init(&llhttp_, kind_ == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE,
              &Callbacks::settings());
  llhttp_.data = this;
  parsed_ = 0;
  framing_ = {};
  remaining_ = 0;
  refusal_ = {};
  dropped_ = 0;
  chunks_ = framing_bytes_ = 0;
  trailers_.clear();
  trailer_name_.clear();
  trailer_value_.clear();
  trailer_bytes_ = 0;
}

ParseStatus Parser::fail(Refusal refusal) {
  refusal_ = refusal;
  return ParseStatus::failed;
}

ParseStatus Parser::fail_parse(std::string_view bytes) {
  if (refusal_.why[0] != '\0') return ParseStatus::failed;  // a callback set a more precise error
  if (llhttp_get_errno(&llhttp_) == HPE_INVALID_VERSION) {
    // llhttp stops after the digits of a version that it does not know, or at a digit too many;
    // where exactly depends on how the bytes arrived.
    const auto stop = static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - bytes.data());
    const bool number = std::string_view(llhttp_get_error_reason(&llhttp_)) == kUnknownVersion ||
                        has_extra_version_digit(bytes, stop);
    if (number) return fail({505, "a version other than HTTP/1.0 and 1.1"});
    return fail({400, "a malformed version"});
  }
  return fail({400, error_text(llhttp_get_errno(&llhttp_))});
}

ParseStatus Parser::fail_large(const Head& head) {
  const bool target = head.target.at + head.target.size >= limits_.bytes;
  return fail(target ? Refusal{414, "a target that is too long", kBytesKey}
                     : Refusal{431, "a head that is too large", kBytesKey});
}

ParseStatus Parser::parse_head(const char* base, std::size_t size, const HeadLimits& limits,
                               Head& head) {
  limits_ = limits;
  head_ = &head;
  base_ = base;
  const llhttp_errno_t error = llhttp_execute(&llhttp_, base + parsed_, size - parsed_);
  head_ = nullptr;
  // First of all, so that the first error is reported no matter how the bytes arrived.
  if (check_start({base, size}) == ParseStatus::failed) return ParseStatus::failed;
  if (error == HPE_OK) {
    parsed_ = size;
    return size < limits.bytes ? ParseStatus::more : fail_large(head);
  }
  if (error != HPE_PAUSED) return fail_parse({base, size});
  parsed_ = static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - base);
  if (parsed_ > limits.bytes) return fail_large(head);
  head.base = base;
  head.size = static_cast<std::uint32_t>(parsed_);
  head.major = llhttp_get_http_major(&llhttp_);
  head.minor = llhttp_get_http_minor(&llhttp_);
  head.status = llhttp_get_status_code(&llhttp_);
  return kind_ == Kind::request ? check_request_line(head) : check_status_line(head);
}

/// llhttp skips any number of CR and LF before a head. We accept a few complete empty lines before
/// a request, and none before a response.
ParseStatus Parser::check_start(std::string_view bytes) {
  if (!bytes.empty() && bytes.front() > '\r') return ParseStatus::complete;  // the usual case
  const std::size_t first = bytes.find_first_not_of(kLineEnd);
  const std::string_view before = bytes.substr(0, first);
  if (before.empty()) return ParseStatus::complete;
  if (kind_ == Kind::response) return fail({400, "an empty line before the status line"});
  for (std::size_t at = 0; at < before.size(); ++at) {
    if (at == kMaxEmptyLines * kLineEnd.size()) {
      return fail({400, "too many empty lines before the request"});
    }
    if (before[at] != kLineEnd[at % 2]) return fail({400, "a bare CR or LF before the request"});
  }
  const bool whole = first == std::string_view::npos || before.size() % 2 == 0;
  return whole ? ParseStatus::complete : fail({400, "a bare CR before the request"});
}

/// RFC 9112, 3: one space each between method, target and version, and nothing else. llhttp accepts
/// more spaces, and also RTSP and ICE.
ParseStatus Parser::check_request_line(const Head& head) {
  static constexpr std::string_view kName = " HTTP/";
  static constexpr std::size_t kVersionSize = 3;
  const std::uint32_t behind = head.target.at + head.target.size;
  const std::string_view rest{head.base + behind, head.size - behind};
  const bool one_blank = head.target.at == head.method.at + head.method.size + 1 &&
                         head.base[head.target.at - 1] == ' ';
  if (one_blank && rest.size() > kName.size() + kVersionSize && rest.starts_with(kName) &&
      rest.substr(kName.size() + kVersionSize).starts_with(kLineEnd)) {
    return ParseStatus::complete;
  }
  return fail({400, "a malformed request line"});
}

/// RFC 9112, 4: version, three digits, a reason. llhttp accepts any reason without line ends. The
/// space before an empty reason may be missing: too many servers leave it out.
ParseStatus Parser::check_status_line(const Head& head) {
  static constexpr std::string_view kName = "HTTP/";
  static constexpr std::size_t kStatus = 9;
  static constexpr std::size_t kReason = kStatus + 4;
  const std::string_view line{head.base, head.size};
  if (line.size() < kReason || !line.starts_with(kName) || line[kStatus - 1] != ' ' ||
      !std::ranges::all_of(line.substr(kStatus, 3), is_digit)) {
    return fail({400, "a malformed status line"});
  }
  if (line.substr(kReason - 1).starts_with(kLineEnd)) return ParseStatus::complete;
  const std::string_view reason = head.text(head.reason);
  const bool placed = line[kReason - 1] == ' ' && (reason.empty() || head.reason.at == kReason);
  if (!placed || !line.substr(kReason + reason.size()).starts_with(kLineEnd)) {
    return fail({400, "a malformed status line"});
  }
  const auto control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; };
  if (std::ranges::none_of(reason, control)) return ParseStatus::complete;
  return fail({400, "a control character in the reason"});
}

void Parser::expect_body(Framing framing) {
  framing_ = framing;
  remaining_ = framing.length;
  last_skipped_ = 0;
  if (framing.kind != FramingKind::chunked) return;
  llhttp_.flags |= F_CHUNKED;
  llhttp_resume(&llhttp_);
}

ParseStatus Parser::parse_body(char* data, std::size_t size, BodyPieces& pieces,
                               std::size_t& used) {
  pieces.clear();
  used = 0;
  if (framing_.kind == FramingKind::none) return ParseStatus::complete;
  if (framing_.kind == FramingKind::chunked) return parse_chunked(data, size, pieces, used);
  used = framing_.kind == FramingKind::length
             ? static_cast<std::size_t>(std::min<std::uint64_t>(size, remaining_))
             : size;
  if (used > 0) {
    pieces.pieces[0] = {0, static_cast<std::uint32_t>(used)};
    pieces.count = 1;
    pieces.bytes = used;
  }
  return skip(used);
}

std::uint64_t Parser::skippable_bytes() const {
  if (ends_at_close()) return std::numeric_limits<std::uint64_t>::max();
  return framing_.kind == FramingKind::length ? remaining_ : 0;
}

std::uint64_t Parser::expected_bytes() const {
  return framing_.kind == FramingKind::tunnel ? last_skipped_ : skippable_bytes();
}

ParseStatus Parser::skip(std::uint64_t size) {
  last_skipped_ = size;
  if (ends_at_close()) return ParseStatus::more;
  remaining_ -= size;
  return remaining_ == 0 ? ParseStatus::complete : ParseStatus::more;
}

ParseStatus Parser::parse_chunked(char* data, std::size_t size, BodyPieces& pieces,
                                  std::size_t& used) {
  pieces_ = &pieces;
  data_ = data;
  const llhttp_errno_t error = llhttp_execute(&llhttp_, data, size);
  pieces_ = nullptr;
  if (error != HPE_OK && error != HPE_PAUSED) return fail_parse({data, size});
  const bool paused = error == HPE_PAUSED;
  used = paused ? static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - data) : size;
  framing_bytes_ += used - pieces.bytes;
  // 2 * limits_.bytes leaves room for trailers, which have a limit of their own.
  if (framing_bytes_ > (chunks_ + 1) * kMaxFramingBytes + 2 * limits_.bytes) {
    return fail({400, "chunk lines that are too long"});
  }
  return paused ? ParseStatus::complete : ParseStatus::more;
}

CheckedName Parser::check_name(std::string_view name) const {
  if (kind_ == Kind::response) return {field_name(name)};
  return check_request_field_name(name, limits_.underscore_names);
}

/// The return value of a callback for a field that is not accepted.
int Parser::refuse_name() {
  refusal_ = {400, "a field name with an underscore or a similar character"};
  return HPE_USER;
}

int Parser::keep_trailer() {
  using Fate = CheckedName::Fate;
  trailer_bytes_ += std::string_view(": \r\n").size();
  const Fate of_response = trailer_allowed(trailer_name_) ? Fate::forward : Fate::drop;
  const Fate fate = kind_ == Kind::response
                        ? of_response
                        : check_request_trailer_name(trailer_name_, limits_.underscore_names);
  if (fate == Fate::forward) {
    trailers_ += trailer_name_;
    trailers_ += ": ";
    trailers_ += ascii::trimmed(trailer_value_);
    trailers_ += "\r\n";
  }
  trailer_name_.clear();
  trailer_value_.clear();
  return fate == Fate::refuse ? refuse_name() : 0;
}

bool is_known_method(std::string_view method) {
  static constexpr auto kMethods = std::to_array<std::string_view>({
#define BONEDRY_METHOD(number, name, text) #text,
      HTTP_METHOD_MAP(BONEDRY_METHOD)
#undef BONEDRY_METHOD
  });
  return std::ranges::find(kMethods, method) != kMethods.end();
}

}  // namespace bonedry::http
