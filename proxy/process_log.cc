#include "proxy/process_log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <utility>

namespace bonedry::proxy {
namespace {

constexpr std::size_t kWaitingBytes = 1024U * 1024;

class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  WriterSink(std::shared_ptr<LogWriter> writer, ProcessLog::Escape escape)
      : writer_(std::move(writer)), escape_(escape), coloured_(::isatty(STDERR_FILENO) == 1) {}

 private:
  void sink_it_(const spdlog::details::log_msg& raw) override {
    // The text may contain input from clients, nodes or operators, and be read on a terminal.
    const std::string payload = escape_({raw.payload.data(), raw.payload.size()});
    spdlog::details::log_msg message = raw;
    message.payload = payload;
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const std::string_view text(line.data(), line.size());
    if (!coloured_ || message.color_range_end <= message.color_range_start) {
      return writer_->write(text);
    }
    spdlog::memory_buf_t bright;
    const auto add = [&bright](std::string_view part) {
      bright.append(part.data(), part.data() + part.size());
    };
    add(text.substr(0, message.color_range_start));
    add(colour_of(message.level));
    add(text.substr(message.color_range_start,
                    message.color_range_end - message.color_range_start));
    add("\033[m");
    add(text.substr(message.color_range_end));
    writer_->write({bright.data(), bright.size()});
  }
  void flush_() override { writer_->flush(); }

  static std::string_view colour_of(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err) return "\033[31m\033[1m";
    if (level == spdlog::level::warn) return "\033[33m\033[1m";
    return level == spdlog::level::info ? "\033[32m" : "\033[36m";
  }

  std::shared_ptr<LogWriter> writer_;
  ProcessLog::Escape escape_;
  bool coloured_;
};

void report_lost(std::uint64_t lines, const std::string& why) {
  spdlog::warn("log: {} lines were lost: {}", lines, why.empty() ? "the reader is too slow" : why);
}

}  // namespace

ProcessLog::ProcessLog(Escape escape) : escape_(escape) {
  // Not standard output: the access log may use it.
  auto opened = LogWriter::open({"stderr"}, kWaitingBytes, report_lost);
  auto logger = std::make_shared<spdlog::logger>("bonedry");
  if (opened) {
    writer_ = std::move(*opened);
    logger->sinks().push_back(std::make_shared<WriterSink>(writer_, escape));
    // The default error handler writes to standard error and would block on a slow reader.
    logger->set_error_handler([writer = writer_](const std::string& /*why*/) {
      writer->write("log: a line could not be written");
    });
  }
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v", spdlog::pattern_time_type::local, ""));
  spdlog::set_default_logger(std::move(logger));
}

ProcessLog::~ProcessLog() {
  // Later log calls write nothing. After this we hold the last reference to the writer.
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("silent"));
}

void ProcessLog::set_level(conf::LogLevel level) {
  switch (level) {
    case conf::LogLevel::debug:
      return spdlog::set_level(spdlog::level::debug);
    case conf::LogLevel::info:
      return spdlog::set_level(spdlog::level::info);
    case conf::LogLevel::warn:
      return spdlog::set_level(spdlog::level::warn);
    case conf::LogLevel::error:
      return spdlog::set_level(spdlog::level::err);
  }
}

void ProcessLog::say(std::string_view text) {
  if (writer_) writer_->write(escape_(text));
}

}  // namespace bonedry::proxy
