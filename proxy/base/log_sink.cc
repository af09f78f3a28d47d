#include "proxy/base/log_sink.h"

#include "proxy/base/datagram_sink.h"
#include "proxy/base/file.h"
#include "proxy/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace bonedry {
namespace {

constexpr std::size_t kFileBatch = 65'536;
// PIPE_BUF: a pipe takes this much whole or not at all, so that the lines of two processes do not
// mix.
constexpr std::size_t kPipeBatch = 4096;

enum class FileKind : std::uint8_t { regular, stream };

struct OpenFile {
  UniqueFd fd;
  FileKind kind = FileKind::stream;
};

std::optional<int> standard_descriptor(std::string_view name) {
  if (name == "stdout" || name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "stderr" || name == "/dev/stderr") return STDERR_FILENO;
  return std::nullopt;
}

Failure<std::string> cannot_open(const std::string& name, const std::string& why) {
  return Failure{"cannot open " + name + ": " + why};
}

/// Never blocks: a FIFO is opened for reading and writing, which needs no reader and survives one
/// that goes away.
Result<UniqueFd> open_path(const std::string& path) {
  constexpr int kFlags = O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  struct stat there {};
  const bool fifo = ::stat(path.c_str(), &there) == 0 && S_ISFIFO(there.st_mode);
  UniqueFd fd{::open(path.c_str(), (fifo ? O_RDWR : O_WRONLY) | kFlags, 0666)};
  if (fd.is_open()) return fd;
  if (errno == ENXIO) return cannot_open(path, "it is a socket or a missing device");
  return cannot_open(path, errno_text(errno));
}

Result<OpenFile> open_file(const std::string& name) {
  UniqueFd fd;
  const std::optional<int> standard = standard_descriptor(name);
  if (standard) {
    // Duplicated, not reopened: it may not allow opening, and a file's offset is shared with
    // others.
    fd.reset(::fcntl(*standard, F_DUPFD_CLOEXEC, 0));
    if (!fd.is_open()) return cannot_open(name, errno_text(errno));
  } else {
    Result<UniqueFd> opened = open_path(name);
    if (!opened) return Failure{opened.error()};
    fd = std::move(*opened);
  }
  struct stat there {};
  if (::fstat(fd.get(), &there) != 0) return cannot_open(name, errno_text(errno));
  const bool fit = S_ISREG(there.st_mode) || S_ISFIFO(there.st_mode) || S_ISCHR(there.st_mode);
  if (!fit && !standard) {
    return cannot_open(name, "it is not a regular file, FIFO or character device");
  }
  return OpenFile{std::move(fd), S_ISREG(there.st_mode) ? FileKind::regular : FileKind::stream};
}

/// A file, or anything else with a descriptor that takes bytes.
class FileSink final : public LogSink {
 public:
  FileSink(std::string name, OpenFile file) : name_(std::move(name)), file_(std::move(file)) {}

  [[nodiscard]] std::size_t max_batch() const override {
    return file_.kind == FileKind::regular ? kFileBatch : kPipeBatch;
  }
  [[nodiscard]] int waits_for() const override {
    return file_.kind == FileKind::stream ? file_.fd.get() : -1;
  }
  [[nodiscard]] ssize_t write(std::string_view lines) override {
    return ::write(file_.fd.get(), lines.data(), lines.size());
  }
  [[nodiscard]] Result<> reopen() override {
    if (standard_descriptor(name_)) return Done{};
    Result<OpenFile> opened = open_file(name_);
    if (!opened) return Failure{opened.error()};
    file_ = std::move(*opened);
    return Done{};
  }

 private:
  const std::string name_;
  OpenFile file_;
};

}  // namespace

Result<std::unique_ptr<LogSink>> LogSink::open(const LogTarget& target) {
  if (target.kind != LogTarget::Kind::file) {
    return std::unique_ptr<LogSink>(std::make_unique<DatagramSink>(target));
  }
  Result<OpenFile> opened = open_file(target.name);
  if (!opened) return Failure{opened.error()};
  return std::unique_ptr<LogSink>(std::make_unique<FileSink>(target.name, std::move(*opened)));
}

}  // namespace bonedry
