#include "proxy/io/mailbox.h"

#include <new>
#include <utility>

namespace bonedry::io {

Mailbox::Mailbox(EventLoop& loop) : async_(new uv_async_t) {
  if (uv_async_init(loop.raw(), async_, on_async) != 0) {
    delete async_;
    throw std::bad_alloc();
  }
  async_->data = this;
}

Mailbox::~Mailbox() {
  async_->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(async_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_async_t*>(handle); });
}

void Mailbox::post(std::function<void()> function) {
  const std::lock_guard lock(mutex_);
  functions_.push_back(std::move(function));
  uv_async_send(async_);
}

void Mailbox::on_async(uv_async_t* async) {
  auto* const self = static_cast<Mailbox*>(async->data);
  if (self == nullptr) return;
  std::vector<std::function<void()>> functions;
  {
    const std::lock_guard lock(self->mutex_);
    functions.swap(self->functions_);
  }
  for (const auto& function : functions) function();
}

}  // namespace bonedry::io
