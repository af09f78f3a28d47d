#include "proxy/access_log.h"

#include "proxy/base/signals.h"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <ctime>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace bonedry::proxy {
namespace {

constexpr std::size_t kQueuedLines = 16384;  // 8 MiB at the usual 500 bytes: a second of rush

// Of any text that a client chose. With it a line has at most some 16 KiB, however hostile.
constexpr std::size_t kMostLogged = 1024;

using Buffer = fmt::memory_buffer;

void append(Buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

/// Text that a client chose, between quotes: bytes that could break the line or the quotes are
/// written as `hex` and two digits.
void append_quoted(Buffer& out, std::string_view text, std::string_view hex) {
  out.push_back('"');
  for (const char c : text.substr(0, kMostLogged)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      append(out, hex);
      fmt::format_to(std::back_inserter(out), "{:02x}", byte);
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  if (text.size() > kMostLogged) append(out, "...");
  out.push_back('"');
}

void append_json(Buffer& out, std::string_view key, std::string_view text) {
  append(out, ",\"");
  append(out, key);
  append(out, "\":");
  append_quoted(out, text, "\\u00");
}

/// As Apache writes it.
void append_combined(Buffer& out, std::string_view text) {
  append_quoted(out, text.empty() ? "-" : text, "\\x");
}

std::tm calendar(WallTime at) {
  const std::time_t seconds = at.ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

void format_json(Buffer& out, const AccessEntry& entry) {
  const std::tm parts = calendar(entry.at);
  fmt::format_to(std::back_inserter(out),
                 "{{\"time\":\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\"", parts.tm_year + 1900,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                 entry.at.ms % 1000);
  append_json(out, "client", entry.client);
  append_json(out, "method", entry.method);
  append_json(out, "target", entry.target);
  fmt::format_to(std::back_inserter(out),
                 ",\"status\":{},\"bytes_in\":{},\"bytes_out\":{},\"duration_ms\":{}", entry.status,
                 entry.bytes_in, entry.bytes_out, entry.duration.count());
  append_json(out, "pool", entry.pool);
  append_json(out, "node", entry.node);
  append_json(out, "verdict", entry.verdict);
  append_json(out, "session", entry.session);
  if (entry.user == session::Presence::left) append(out, ",\"logged_out\":true");
  append_json(out, "end", row_of(entry.end).name);
  out.push_back('}');
}

void format_combined(Buffer& out, const AccessEntry& entry) {
  static constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm parts = calendar(entry.at);
  fmt::format_to(std::back_inserter(out), "{} - - [{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000] ",
                 entry.client, parts.tm_mday, kMonths[static_cast<std::size_t>(parts.tm_mon)],
                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  std::string request(entry.method);
  request += " ";
  request += entry.target;
  request += " HTTP/1.";
  request += std::to_string(entry.version_minor);
  append_combined(out, entry.method.empty() ? std::string_view() : request);
  fmt::format_to(std::back_inserter(out), " {} {} ", entry.status, entry.bytes_out);
  append_combined(out, entry.referer);
  out.push_back(' ');
  append_combined(out, entry.user_agent);
}

}  // namespace

struct AccessLog::Backend {
  std::shared_ptr<spdlog::details::thread_pool> threads =
      std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1, block_signals);

  ~Backend() {
    const std::size_t lost = threads->overrun_counter();
    if (lost > 0) spdlog::warn("access log: {} lines were lost, the disk was too slow", lost);
  }
};

AccessLog::AccessLog(const conf::Log& config) : format_(config.format) {
  if (config.access == "off") return;
  spdlog::sink_ptr sink;
  try {
    if (config.access == "stdout") {
      sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.access);
    }
  } catch (const spdlog::spdlog_ex& error) {
    throw std::runtime_error(std::string("cannot open the access log: ") + error.what());
  }
  backend_ = std::make_unique<Backend>();
  logger_ = std::make_shared<spdlog::async_logger>("access", std::move(sink), backend_->threads,
                                                   spdlog::async_overflow_policy::overrun_oldest);
  logger_->set_pattern("%v");
  logger_->set_level(spdlog::level::info);
  logger_->flush_on(spdlog::level::info);
}

AccessLog::~AccessLog() = default;

void AccessLog::write(const AccessEntry& entry) {
  if (!logger_) return;
  Buffer line;
  if (format_ == conf::AccessFormat::json) {
    format_json(line, entry);
  } else {
    format_combined(line, entry);
  }
  logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace bonedry::proxy
