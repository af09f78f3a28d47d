#include "proxy/io/mailbox.h"

#include <system_error>
#include <utility>

namespace bonedry::io {

Mailbox::Mailbox(EventLoop& loop) : async_(new uv_async_t) {
  if (const int error = uv_async_init(loop.raw(), async_, on_async); error != 0) {
    delete async_;
    throw std::system_error(-error, std::generic_category(), "uv_async_init");
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
  uv_async_send(async_);  // cannot fail on an open handle
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
