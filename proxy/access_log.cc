#include "proxy/access_log.h"

#include "proxy/base/datagram_sink.h"
#include "proxy/base/utc.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <array>
#include <ctime>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace bonedry::proxy {
namespace {

// Queue size of each worker: some 6,000 lines, which a busy worker writes in under half a second.
constexpr std::size_t kWaitingBytes = 4U * 1024 * 1024;
// Lines are only written through the queues, so the log itself needs next to no buffer.
constexpr std::size_t kUnqueuedBytes = 16;

// Bytes logged of any text that a client controls, each of which may become six. This limits a line
// to about 40 KiB.
constexpr std::size_t kMaxLogged = 1024;

// A line fits on the stack unless a client has made it unusually long.
using Buffer = fmt::basic_memory_buffer<char, 4096>;

void append(Buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

/// Appends text that a client controls. Bytes outside printable ASCII are written as `hex` and two
/// hex digits; quotes and backslashes are escaped.
void append_escaped(Buffer& out, std::string_view text, std::string_view hex) {
  for (const char c : text.substr(0, kMaxLogged)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      append(out, hex);
      fmt::format_to(std::back_inserter(out), "{:02x}", byte);
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  if (text.size() > kMaxLogged) append(out, "...");
}

void append_quoted(Buffer& out, std::string_view text, std::string_view hex) {
  out.push_back('"');
  append_escaped(out, text, hex);
  out.push_back('"');
}

void append_json(Buffer& out, std::string_view key, std::string_view text) {
  append(out, ",\"");
  append(out, key);
  append(out, "\":");
  append_quoted(out, text, "\\u00");
}

/// A quoted field as Apache writes it: "-" if it is empty.
void append_combined(Buffer& out, std::string_view text) {
  append_quoted(out, text.empty() ? "-" : text, "\\x");
}

void append_time(Buffer& out, std::string_view key, std::optional<Millis> taken) {
  if (taken) fmt::format_to(std::back_inserter(out), ",\"{}\":{}", key, taken->count());
}

void append_tls(Buffer& out, const io::TlsInfo& tls) {
  append_json(out, "tls_version", tls.version);
  append_json(out, "cipher", tls.cipher);
  append_json(out, "sni", tls.server_name);
  append_json(out, "alpn", tls.alpn);
  append(out,
         tls.resumed == io::TlsInfo::Resumed::yes ? ",\"resumed\":true" : ",\"resumed\":false");
}

void format_json(Buffer& out, const AccessEntry& entry) {
  const std::tm parts = to_utc(entry.at).date;
  fmt::format_to(std::back_inserter(out),
                 "{{\"time\":\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\"", parts.tm_year + 1900,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                 entry.at.ms % 1000);
  append_json(out, "client", entry.client);
  append_json(out, "method", entry.method);
  append_json(out, "target", entry.target);
  append_json(out, "protocol", entry.protocol);
  if (entry.stream != 0) {
    fmt::format_to(std::back_inserter(out), ",\"stream\":{}", entry.stream);
  }
  append_json(out, "host", entry.host);
  fmt::format_to(std::back_inserter(out),
                 ",\"status\":{},\"bytes_in\":{},\"bytes_out\":{},\"duration_ms\":{}", entry.status,
                 entry.bytes_in, entry.bytes_out, entry.duration.count());
  append_time(out, "queue_ms", entry.phases.queue);
  append_time(out, "connect_ms", entry.phases.connect);
  append_time(out, "first_byte_ms", entry.phases.first_byte);
  append_json(out, "listener", entry.listener);
  append_json(out, "pool", entry.pool);
  append_json(out, "node", entry.node);
  append_json(out, "verdict", entry.decision);
  append_json(out, "session", entry.session);
  if (entry.user == session::UserStatus::logged_out) append(out, ",\"logged_out\":true");
  if (entry.exempt == Exempt::yes) append(out, ",\"exempt\":true");
  if (entry.pass == WithPass::yes) append(out, ",\"pass\":true");
  if (!entry.request_id.empty()) append_json(out, "request_id", entry.request_id);
  if (!entry.trace_id.empty()) append_json(out, "trace_id", entry.trace_id);
  append_json(out, "user_agent", entry.user_agent);
  append_json(out, "referer", entry.referer);
  if (entry.tls != nullptr) append_tls(out, *entry.tls);
  append_json(out, "end", info_of(entry.end).name);
  if (!entry.reason.empty()) append_json(out, "reason", entry.reason);
  out.push_back('}');
}

void format_combined(Buffer& out, const AccessEntry& entry) {
  static constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm parts = to_utc(entry.at).date;
  fmt::format_to(std::back_inserter(out), "{} - - [{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000] ",
                 entry.client, parts.tm_mday, kMonths[static_cast<std::size_t>(parts.tm_mon)],
                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (entry.method.empty()) {
    append_combined(out, "");
  } else {
    out.push_back('"');
    append_escaped(out, entry.method, "\\x");
    out.push_back(' ');
    append_escaped(out, entry.target, "\\x");
    fmt::format_to(std::back_inserter(out), " {}\"", entry.protocol);
  }
  fmt::format_to(std::back_inserter(out), " {} {} ", entry.status, entry.bytes_out);
  append_combined(out, entry.referer);
  out.push_back(' ');
  append_combined(out, entry.user_agent);
}

}  // namespace

LogTarget log_target(const conf::Log& config) {
  const int facility = static_cast<int>(config.facility);
  if (config.access == "syslog") {
    return {DatagramSink::kSyslogSocket, LogTarget::Kind::syslog, facility};
  }
  if (config.access == "journald") {
    return {DatagramSink::kJournalSocket, LogTarget::Kind::journald, facility};
  }
  return {config.access};
}

AccessLog::AccessLog(const conf::Log& config) : AccessLog(config, log_target(config)) {}

AccessLog::AccessLog(const conf::Log& config, const LogTarget& target) : format_(config.format) {
  if (config.access == "off") return;
  auto opened = LogWriter::open(
      target, kUnqueuedBytes,
      [](std::uint64_t lines, const std::string& why) {
        spdlog::warn("access log: {} lines were lost: {}", lines,
                     why.empty() ? "the reader is too slow" : why);
      },
      LogWriter::Report::at_once);
  if (!opened) throw std::runtime_error("cannot open the access log: " + opened.error());
  writer_ = std::move(*opened);
}

void AccessLog::reopen(LogWriter::OnReopened done) {
  if (!writer_) return done(Done{});
  writer_->reopen(std::move(done));
}

LogLosses AccessLog::losses() const {
  return writer_ ? writer_->losses() : LogLosses{};
}

AccessLogQueue AccessLog::add_queue() {
  if (!writer_) return {};
  return {format_, writer_->add_queue(kWaitingBytes)};
}

void AccessLogQueue::write(const AccessEntry& entry) {
  if (!lines_) return;
  Buffer line;
  if (format_ == conf::AccessFormat::json) {
    format_json(line, entry);
  } else {
    format_combined(line, entry);
  }
  lines_->write({line.data(), line.size()});
}

}  // namespace bonedry::proxy
