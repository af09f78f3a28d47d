#include "session/ledger_file.h"

#include "proxy/base/clock.h"
#include "proxy/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <new>
#include <thread>

namespace bonedry::session {

using layout::Header;
using layout::Index;
using layout::Record;
using layout::ShardHeader;
using layout::Slot;
using layout::WheelSlot;

namespace {

constexpr std::size_t kPage = 4096;
// Records beyond the capacity, for held sessions. These are bounded by the client connections of
// two processes, which this is far above for any capacity that suits them; beyond it sessions are
// evicted as they begin.
constexpr std::size_t kHeldBeyond = 65'536;

// How long `join` waits: cleaning up after a process goes over the whole table.
constexpr Millis kJoinPause{20};
constexpr int kJoinTries = 250;

std::size_t page_up(std::size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

Failure<std::string> cannot(const char* what, const std::string& path) {
  return Failure{std::string("cannot ") + what + " " + path + ": " + errno_text(errno)};
}

/// Why a header is not one that this version has written.
std::string refusal_of(const Header& header) {
  if (header.facts->magic != layout::kMagic)
    return "it is not a ledger, or its creation was interrupted";
  return header.facts->version != layout::kVersion ? "it has an incompatible version"
                                                   : "its header is damaged";
}

/// A lock on one byte, of this open file alone (F_OFD_SETLK): it ends with the process.
bool lock_byte(int fd, int command, std::size_t byte, short& type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  const bool done = ::fcntl(fd, command, &lock) == 0;
  type = lock.l_type;
  return done;
}

}  // namespace

LedgerPlan::LedgerPlan(std::size_t capacity)
    : capacity_(std::max<std::size_t>(capacity, 1)),
      shards_(std::bit_floor(
          std::clamp<std::size_t>(capacity_ / layout::kMinShardCapacity, 1, layout::kMaxShards))),
      buckets_(std::bit_ceil(std::max<std::size_t>(share(0) * 2 / 3, 1))),
      room_(share(0) * 2 + kHeldBeyond / shards_) {}

std::size_t LedgerPlan::share(std::size_t shard) const {
  return capacity_ / shards_ + (shard < capacity_ % shards_ ? 1 : 0);
}

std::size_t LedgerPlan::slots_at() {
  return page_up(sizeof(Header));
}

std::size_t LedgerPlan::shard_at(std::size_t shard) const {
  const std::size_t length = page_up(before_records() + room_ * sizeof(Record));
  return page_up(slots_at() + layout::kMaxSlots * sizeof(Slot)) + shard * length;
}

std::size_t LedgerPlan::buckets_at(std::size_t shard) const {
  return shard_at(shard) + sizeof(ShardHeader);
}

std::size_t LedgerPlan::wheel_at(std::size_t shard) const {
  return buckets_at(shard) + buckets_ * sizeof(Index);
}

std::size_t LedgerPlan::records_at(std::size_t shard) const {
  return shard_at(shard) + before_records();
}

std::size_t LedgerPlan::before_records() const {
  return page_up(sizeof(ShardHeader) + buckets_ * sizeof(Index) +
                 layout::kWheelSlots * sizeof(WheelSlot));
}

void LedgerFile::Unmap::operator()(std::byte* bytes) const {
  ::munmap(bytes, length);
}

LedgerFile::Bytes LedgerFile::map(std::size_t length, int fd) {
  const int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* const bytes = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, kind | MAP_NORESERVE, fd, 0);
  if (bytes == MAP_FAILED) return Bytes{nullptr, Unmap{}};
  // Users come in random order: read-ahead around each record would waste memory.
  if (fd >= 0) ::madvise(bytes, length, MADV_RANDOM);
  return Bytes{static_cast<std::byte*>(bytes), Unmap{length}};
}

LedgerFile::LedgerFile(const LedgerPlan& plan) : plan_(plan), bytes_(map(plan.bytes(), -1)) {
  if (!bytes_) throw std::bad_alloc();
}

Result<LedgerFile> LedgerFile::make(const std::string& path, const LedgerPlan& plan) {
  // An existing file may be mapped by another process, or not be ours: it is replaced, never
  // written to.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return cannot("replace", path);
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!fd.is_open()) return cannot("create", path);
  if (::ftruncate(fd.get(), static_cast<off_t>(plan.bytes())) != 0) return cannot("resize", path);
  Bytes bytes = map(plan.bytes(), fd.get());
  if (!bytes) return cannot("map", path);
  LedgerFile file(plan, std::move(fd), std::move(bytes));
  bool room = file.reserve(0, LedgerPlan::slots_at());
  for (std::size_t shard = 0; room && shard < plan.shards(); ++shard) {
    room = file.reserve(plan.shard_at(shard), plan.records_at(shard) - plan.shard_at(shard));
  }
  if (!room) {
    Failure failure = cannot("allocate disk space for", path);
    ::unlink(path.c_str());  // it is empty, and the disk is full
    return failure;
  }
  return file;
}

Result<std::optional<LedgerFile::Found>> LedgerFile::find(const std::string& path) {
  // A FIFO is refused below.
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY)};
  if (!fd.is_open()) {
    if (errno == ENOENT) return std::optional<Found>{};
    if (errno == ELOOP) return Failure{path + " is a symbolic link, which is not allowed"};
    return cannot("open", path);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return cannot("check", path);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (!S_ISREG(status.st_mode)) return Failure{path + " is not a regular file"};
  if (size < LedgerPlan::slots_at()) return std::optional{Found{{}, "it is too short"}};
  const Bytes head = map(LedgerPlan::slots_at(), fd.get());
  if (!head) return cannot("map", path);
  const Header& header = *reinterpret_cast<const Header*>(head.get());
  const layout::HeaderFacts* const facts = header.facts.intact();
  if (facts == nullptr) return std::optional{Found{{}, refusal_of(header)}};
  if (facts->version != layout::kVersion || facts->record_size != sizeof(Record)) {
    return std::optional{Found{{}, "it has an incompatible version"}};
  }
  const LedgerPlan plan(facts->capacity);
  if (facts->capacity == 0 || facts->capacity > size || plan.bytes() != size) {
    return std::optional{Found{{}, "its size does not match its header"}};
  }
  Bytes bytes = map(size, fd.get());
  if (!bytes) return cannot("map", path);
  return std::optional{Found{LedgerFile(plan, std::move(fd), std::move(bytes)), ""}};
}

bool LedgerFile::reserve(std::size_t offset, std::size_t length) const {
  if (!fd_.is_open()) return true;
  struct stat status {};  // a file truncated meanwhile must not grow back with zeros
  if (::fstat(fd_.get(), &status) != 0 ||
      static_cast<std::size_t>(status.st_size) < plan_.bytes()) {
    errno = EIO;
    return false;
  }
  const int error =
      ::posix_fallocate(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length));
  errno = error;
  return error == 0;
}

void LedgerFile::read_ahead(std::size_t offset, std::size_t length) const {
  if (fd_.is_open()) {
    ::posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                    POSIX_FADV_WILLNEED);
  }
}

void LedgerFile::begin_sync() const {
  // Whatever it cannot start is written by `sync`, which does not handle errors either.
  if (fd_.is_open()) (void)::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

void LedgerFile::sync() const {
  if (fd_.is_open()) ::msync(bytes_.get(), plan_.bytes(), MS_SYNC);
}

void LedgerFile::sync_header() const {
  if (fd_.is_open()) ::msync(bytes_.get(), LedgerPlan::slots_at(), MS_SYNC);
}

std::optional<std::size_t> LedgerFile::join() {
  if (!fd_.is_open()) return 0;
  for (int tries = 0; tries < kJoinTries; ++tries) {
    for (std::size_t process = 0; process < layout::kProcesses; ++process) {
      short type = F_WRLCK;
      if (!lock_byte(fd_.get(), F_OFD_SETLK, process, type)) continue;
      process_ = process;
      return process;
    }
    std::this_thread::sleep_for(kJoinPause);
  }
  return std::nullopt;
}

bool LedgerFile::reserve_other_process() {
  short type = F_WRLCK;
  return !fd_.is_open() || lock_byte(fd_.get(), F_OFD_SETLK, 1 - process_, type);
}

void LedgerFile::free_other_process() {
  short type = F_UNLCK;
  if (fd_.is_open()) lock_byte(fd_.get(), F_OFD_SETLK, 1 - process_, type);
}

bool LedgerFile::has_other_process() const {
  if (!fd_.is_open()) return false;
  short type = F_WRLCK;
  return lock_byte(fd_.get(), F_OFD_GETLK, 1 - process_, type) && type != F_UNLCK;
}

}  // namespace bonedry::session
