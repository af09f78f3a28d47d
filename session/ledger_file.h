#pragma once

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "session/ledger_layout.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace bonedry::session {

/// Byte offsets and sizes in a file for a given number of sessions.
class LedgerPlan {
 public:
  explicit LedgerPlan(std::size_t capacity);

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t shards() const { return shards_; }
  /// The capacity of a shard, in sessions.
  [[nodiscard]] std::size_t share(std::size_t shard) const;
  /// Records that a shard has space for: held ones may exceed its share.
  [[nodiscard]] std::size_t room() const { return room_; }
  [[nodiscard]] std::size_t buckets() const { return buckets_; }  ///< a power of two
  [[nodiscard]] std::size_t bytes() const { return shard_at(shards_); }

  [[nodiscard]] static std::size_t slots_at();
  [[nodiscard]] std::size_t shard_at(std::size_t shard) const;
  [[nodiscard]] std::size_t buckets_at(std::size_t shard) const;
  [[nodiscard]] std::size_t wheel_at(std::size_t shard) const;
  [[nodiscard]] std::size_t records_at(std::size_t shard) const;

 private:
  [[nodiscard]] std::size_t before_records() const;

  std::size_t capacity_;
  std::size_t shards_;
  std::size_t buckets_;
  std::size_t room_;
};

/// The bytes of a ledger: a mapped file, or memory of this process alone. Knows which processes
/// share them, but not what is in them. Thread-safe once it is constructed.
class LedgerFile {
 public:
  /// Memory that is freed at the end. Throws std::bad_alloc.
  explicit LedgerFile(const LedgerPlan& plan);
  /// Creates a new file with mode 0600; an existing one of that name is replaced.
  [[nodiscard]] static Result<LedgerFile> make(const std::string& path, const LedgerPlan& plan);
  /// Maps the existing file; nothing when there is none. Only checks that it is a ledger of this
  /// version and has the right size; if not, `refusal` says why.
  struct Found;
  [[nodiscard]] static Result<std::optional<Found>> find(const std::string& path);

  LedgerFile(LedgerFile&&) noexcept = default;
  LedgerFile& operator=(LedgerFile&&) noexcept = default;

  [[nodiscard]] const LedgerPlan& plan() const { return plan_; }
  /// A part of the file; `T` is the type that the layout has at that offset.
  template <class T>
  [[nodiscard]] T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(bytes_.get() + offset);
  }
  [[nodiscard]] layout::Header& header() const { return *at<layout::Header>(0); }

  /// Allocates disk space for these bytes, so that writing to them cannot fail: a full disk would
  /// kill the process at that very store. False when there is no space.
  [[nodiscard]] bool reserve(std::size_t offset, std::size_t length) const;
  /// Asks the kernel to read these bytes into memory soon; without it each page is read by itself.
  void read_ahead(std::size_t offset, std::size_t length) const;
  /// Starts to write everything to the disk, so that `sync` has less to do.
  void begin_sync() const;
  /// Writes everything to the disk. Slow.
  void sync() const;
  /// Writes only the header.
  void sync_header() const;

  /// Becomes one of the processes that share the file, and returns its number; nothing when there
  /// are two already. Waits up to five seconds for a place that is being cleaned up. The second
  /// process must not join before the first is ready: nothing here keeps it from seeing a file that
  /// is being repaired.
  [[nodiscard]] std::optional<std::size_t> join();
  /// Whether the other process is there. Its death is noticed at once, however it died.
  [[nodiscard]] bool has_other_process() const;
  /// Keeps a third process from joining while what the other one left is cleaned up. False: the
  /// other process is still there, and nothing is reserved.
  [[nodiscard]] bool reserve_other_process();
  void free_other_process();

 private:
  struct Unmap {
    std::size_t length = 0;
    void operator()(std::byte* bytes) const;
  };
  using Bytes = std::unique_ptr<std::byte, Unmap>;

  LedgerFile(const LedgerPlan& plan, UniqueFd fd, Bytes bytes)
      : plan_(plan), fd_(std::move(fd)), bytes_(std::move(bytes)) {}
  [[nodiscard]] static Bytes map(std::size_t length, int fd);

  LedgerPlan plan_;
  UniqueFd fd_;  // closed: memory of this process
  Bytes bytes_;
  std::size_t process_ = 0;
};

struct LedgerFile::Found {
  std::optional<LedgerFile> file;
  std::string refusal;  ///< why `file` is empty
};

}  // namespace bonedry::session
