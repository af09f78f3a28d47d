#pragma once

#include "admin/event.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin {

/// Events on disk, one JSON object per line, so that they outlive the proxy. When the file is full
/// it is renamed to PATH.1, which replaces the one before. Two processes may append to one file: a
/// line is written in one call. Main thread only.
class EventJournal {
 public:
  /// Of one file: some 30,000 events, weeks of a busy fleet.
  static constexpr std::size_t kMaxFileBytes = std::size_t{8} << 20U;

  explicit EventJournal(std::string path, std::size_t max_bytes = kMaxFileBytes)
      : path_(std::move(path)), max_bytes_(max_bytes) {}

  /// The newest events of both files, at most `count`, oldest first. Lines that are not events,
  /// such as one that a full disk has cut, are skipped.
  [[nodiscard]] std::vector<Event> load(std::size_t count) const;

  /// Writes the event at the end. The error names the path and the reason; the event is then lost
  /// for the journal.
  [[nodiscard]] Result<> append(const Event& event);

 private:
  [[nodiscard]] Result<> open();

  std::string path_;
  std::size_t max_bytes_;
  UniqueFd fd_;
  std::size_t size_ = 0;  // of the file, as this process knows it
  enum class LastLine : std::uint8_t { whole, cut } last_line_ = LastLine::whole;
};

}  // namespace bonedry::admin
