#include "admin/event_journal.h"

#include "admin/printable.h"
#include "proxy/base/file.h"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <sstream>

namespace bonedry::admin {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string line_of(const Event& event) {
  const OrderedJson json{{"id", event.id},       {"at", rfc3339(event.at, Precision::millis)},
                         {"at_ms", event.at.ms}, {"kind", event.kind},
                         {"node", event.node},   {"text", event.text},
                         {"by", event.by},       {"reason", event.reason}};
  return json.dump(-1, ' ', true, OrderedJson::error_handler_t::replace) + "\n";
}

std::optional<Event> event_of(const std::string& line) {
  try {
    const OrderedJson json = OrderedJson::parse(line);
    return Event{WallTime{json.at("at_ms").get<std::int64_t>()},
                 json.at("kind").get<std::string>(),
                 json.at("node").get<std::string>(),
                 json.at("text").get<std::string>(),
                 json.at("by").get<std::string>(),
                 json.at("reason").get<std::string>(),
                 json.value("id", std::uint64_t{0})};  // older versions wrote none
  } catch (const OrderedJson::exception&) {
    return std::nullopt;
  }
}

void read_events(const std::string& path, std::size_t max_bytes, std::vector<Event>& events) {
  // Another process may have appended a last line beyond the bound.
  const Result<std::string> content = read_file(path, 2 * max_bytes);
  if (!content) return;
  std::istringstream lines(*content);
  for (std::string line; std::getline(lines, line);) {
    if (auto event = event_of(line)) events.push_back(*std::move(event));
  }
}

}  // namespace

std::vector<Event> EventJournal::load(std::size_t count) const {
  std::vector<Event> events;
  read_events(path_, max_bytes_, events);
  if (events.size() < count) {
    std::vector<Event> older;
    read_events(path_ + ".1", max_bytes_, older);
    events.insert(events.begin(), std::make_move_iterator(older.begin()),
                  std::make_move_iterator(older.end()));
  }
  if (events.size() > count)
    events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(count));
  return events;
}

Result<> EventJournal::open() {
  constexpr int kFlags =
      O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY;
  fd_ = UniqueFd{::open(path_.c_str(), kFlags, 0600)};
  if (!fd_.is_open()) return Failure{"cannot write " + path_ + ": " + errno_text(errno)};
  struct stat file {};
  if (::fstat(fd_.get(), &file) != 0 || !S_ISREG(file.st_mode)) {
    fd_.reset();
    return Failure{path_ + " is not a regular file; remove it"};
  }
  size_ = static_cast<std::size_t>(file.st_size);
  char last = '\n';
  if (size_ > 0) (void)!::pread(fd_.get(), &last, 1, file.st_size - 1);
  last_line_ = last == '\n' ? LastLine::whole : LastLine::cut;
  return Done{};
}

Result<> EventJournal::append(const Event& event) {
  if (!fd_.is_open()) {
    const Result<> opened = open();
    if (!opened) return opened;
  }
  std::string line = line_of(event);
  if (last_line_ == LastLine::cut) line.insert(0, "\n");
  if (size_ + line.size() > max_bytes_ && size_ > 0) {
    const Result<> reopened = open();  // another process may have begun a new file
    if (!reopened) return reopened;
  }
  if (size_ + line.size() > max_bytes_ && size_ > 0) {
    fd_.reset();
    if (std::rename(path_.c_str(), (path_ + ".1").c_str()) != 0) {
      return Failure{"cannot rename " + path_ + ": " + errno_text(errno)};
    }
    const Result<> opened = open();
    if (!opened) return opened;
  }
  const ssize_t written = ::write(fd_.get(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) {
    size_ += line.size();
    last_line_ = LastLine::whole;
    return Done{};
  }
  const int error = written < 0 ? errno : ENOSPC;
  fd_.reset();  // to look at its end again, and for another file may have its name then
  return Failure{"cannot write " + path_ + ": " + errno_text(error)};
}

}  // namespace bonedry::admin
