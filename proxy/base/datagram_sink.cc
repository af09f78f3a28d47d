#include "proxy/base/datagram_sink.h"

#include "proxy/base/file.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <utility>

namespace bonedry {
namespace {

constexpr int kInformational = 6;  // RFC 5424, section 6.2.1

/// RFC 3164, as syslog(3) writes it: "<134>Jan  2 03:04:05 bonedry[1]: ".
void append_syslog_header(std::string& out, int facility) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::array<char, 32> time{};
  // strftime would use the language of the environment for the month.
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::size_t size = std::strftime(time.data(), time.size(), " %e %H:%M:%S ", &parts);
  out += '<';
  out += std::to_string(facility * 8 + kInformational);
  out += '>';
  out += kMonths[static_cast<std::size_t>(parts.tm_mon)];
  out.append(time.data(), size);
  out += DatagramSink::kTag;
  out += '[' + std::to_string(::getpid()) + "]: ";
}

/// https://systemd.io/JOURNAL_NATIVE_PROTOCOL: fields as "NAME=value" lines, or, for a value that
/// may contain anything, a line with the name, the size in 64 bits, little-endian, and the value.
void append_journal_entry(std::string& out, int facility, std::string_view line) {
  out += "PRIORITY=" + std::to_string(kInformational);
  out += "\nSYSLOG_FACILITY=" + std::to_string(facility) + "\nSYSLOG_IDENTIFIER=";
  out += DatagramSink::kTag;
  out += "\nSYSLOG_PID=" + std::to_string(::getpid()) + "\nMESSAGE\n";
  static_assert(std::endian::native == std::endian::little);
  const std::uint64_t size = line.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += line;
  out += '\n';
}

bool is_gone(int error) {
  return error == ECONNREFUSED || error == ECONNRESET || error == ENOTCONN || error == EPIPE ||
         error == ENOENT;
}

}  // namespace

bool DatagramSink::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (target_.name.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(address.sun_path, target_.name.data(), target_.name.size());
  UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket.is_open()) return false;
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return false;
  }
  socket_ = std::move(socket);
  return true;
}

void DatagramSink::render(std::string_view line) {
  message_.clear();
  if (target_.kind == LogTarget::Kind::journald) {
    return append_journal_entry(message_, target_.facility, line);
  }
  append_syslog_header(message_, target_.facility);
  message_ += line;
}

bool DatagramSink::send() {
  return ::send(socket_.get(), message_.data(), message_.size(), MSG_NOSIGNAL) >= 0;
}

ssize_t DatagramSink::write(std::string_view lines) {
  render(lines.substr(0, lines.size() - 1));  // without the line end
  if (!socket_.is_open() && !connect()) return -1;
  if (send()) return static_cast<ssize_t>(lines.size());
  // A daemon that was started again has a new socket at the same path.
  const bool again = is_gone(errno) && connect() && send();
  return again ? static_cast<ssize_t>(lines.size()) : -1;
}

Result<> DatagramSink::reopen() {
  if (connect()) return Done{};
  return Failure{"cannot connect to " + target_.name + ": " + errno_text(errno)};
}

}  // namespace bonedry
