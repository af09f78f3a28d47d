#include "proxy/redis/reply_reader.h"

#include <hiredis/read.h>

#include <cstring>
#include <new>
#include <utility>

namespace bonedry::redis {

using Kind = Reply::Kind;

/// The reply that is being read.
struct ReplyReader::Draft {
  std::size_t most;
  Reply reply = {};
  std::size_t bytes = 0;  // of memory, without what vectors have in reserve

  /// A place for the item that hiredis has come to. Null: there is no more room for it. Places of
  /// items that are still being read stay where they are: a list only grows when the element before
  /// is complete.
  [[nodiscard]] Reply* add(const redisReadTask& task, Kind kind, std::size_t size = 0) {
    bytes += sizeof(Reply) + size;
    if (bytes > most) return nullptr;
    const bool is_root = task.parent == nullptr;
    Reply& item = is_root ? reply : static_cast<Reply*>(task.parent->obj)->elements.emplace_back();
    if (is_root) item = Reply{};
    item.kind = kind;
    return &item;
  }
};

namespace {

// A status, an error or a length is a line. Without an end to it, each read would have hiredis
// search all that came before.
constexpr std::size_t kMaxLine = 64UL * 1024;

/// What hiredis calls for each item. Null is an error to it.
template <class Draft>
struct Makers {
  static Draft& draft_of(const redisReadTask* task) { return *static_cast<Draft*>(task->privdata); }

  static void* text(const redisReadTask* task, char* text, std::size_t size) {
    // hiredis 1 knows types of RESP 3, which no server sends unless it is asked to.
    Kind kind = Kind::text;
    if (task->type == REDIS_REPLY_STATUS)
      kind = Kind::status;
    else if (task->type == REDIS_REPLY_ERROR)
      kind = Kind::error;
    else if (task->type != REDIS_REPLY_STRING)
      return nullptr;
    Reply* const item = draft_of(task).add(*task, kind, size);
    if (item != nullptr) item->text.assign(text, size);
    return item;
  }
  /// hiredis 0.14 counts in int, later ones in size_t. The announced number is not believed: room
  /// is made as elements come.
  template <class Count>
  static void* array(const redisReadTask* task, Count /*elements*/) {
    if (task->type != REDIS_REPLY_ARRAY) return nullptr;
    return draft_of(task).add(*task, Kind::array);
  }
  static void* integer(const redisReadTask* task, long long value) {
    Reply* const item = draft_of(task).add(*task, Kind::integer);
    if (item != nullptr) item->integer = value;
    return item;
  }
  static void* nil(const redisReadTask* task) { return draft_of(task).add(*task, Kind::nil); }
  static void free(void* /*item*/) {}  // the draft owns all

  // hiredis 1; without these it would return made-up pointers for such items.
  static void* real(const redisReadTask*, double, char*, std::size_t) { return nullptr; }
  static void* boolean(const redisReadTask*, int) { return nullptr; }
};

template <class Draft, class Functions = redisReplyObjectFunctions>
Functions make_functions() {
  Functions functions{};
  functions.createString = &Makers<Draft>::text;
  functions.createArray = &Makers<Draft>::array;
  functions.createInteger = &Makers<Draft>::integer;
  functions.createNil = &Makers<Draft>::nil;
  functions.freeObject = &Makers<Draft>::free;
  if constexpr (requires { functions.createDouble; }) {
    functions.createDouble = &Makers<Draft>::real;
    functions.createBool = &Makers<Draft>::boolean;
  }
  return functions;
}

}  // namespace

void ReplyReader::Free::operator()(redisReader* reader) const {
  redisReaderFree(reader);
}

ReplyReader::ReplyReader(std::size_t most) : draft_(std::make_unique<Draft>(Draft{most})) {
  static redisReplyObjectFunctions functions = make_functions<Draft>();  // never written to
  reader_.reset(redisReaderCreateWithFunctions(&functions));
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = draft_.get();
}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  (void)redisReaderFeed(reader_.get(), bytes.data(), bytes.size());  // `next` tells of an error
}

ReplyReader::Status ReplyReader::next(Reply& reply) {
  void* read = nullptr;
  if (redisReaderGetReply(reader_.get(), &read) != REDIS_OK) {
    return draft_->bytes > draft_->most ? Status::too_large : Status::malformed;
  }
  if (read == nullptr) return status_of_rest();
  reply = std::move(draft_->reply);
  draft_->bytes = 0;
  return Status::complete;
}

/// What has been received and not parsed, since its end is missing.
ReplyReader::Status ReplyReader::status_of_rest() const {
  const std::size_t size = reader_->len - reader_->pos;
  if (size > draft_->most) return Status::too_large;
  if (size <= kMaxLine) return Status::more;
  const bool has_line = std::memchr(reader_->buf + reader_->pos, '\r', kMaxLine) != nullptr;
  return has_line ? Status::more : Status::malformed;
}

}  // namespace bonedry::redis
