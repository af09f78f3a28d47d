#include "proxy/admin_doors.h"

#include <algorithm>
#include <utility>

namespace bonedry::proxy {
namespace {

admin::AdminLimits socket_limits(std::size_t descriptors) {
  admin::AdminLimits limits;
  limits.rejected = std::min(limits.rejected, descriptors / 4);
  limits.connections = std::min(limits.connections, descriptors - limits.rejected);
  return limits;
}

admin::CommandError unavailable(std::string_view why) {
  return {admin::ErrorCode::unavailable, std::string(why)};
}

}  // namespace

AdminDoors::AdminDoors(const Parts& parts, const conf::Admin& config, std::size_t descriptors)
    : socket_(parts.loop, config.socket, parts.commands) {
  if (config.http) {
    http_.emplace(admin::HttpDoor::Parts{parts.loop, parts.commands, parts.not_serving},
                  *config.http);
  }
  set_descriptors(descriptors);
}

Result<> AdminDoors::bind(admin::SocketFile socket, Addresses http) {
  socket_.listen(std::move(socket));
  if (!http_) return Done{};
  using Address = admin::HttpDoor::Address;
  return http_->bind(http == Addresses::shared ? Address::shared : Address::free);
}

Result<> AdminDoors::open() {
  const Result<> published = socket_.publish();
  return published && http_ ? http_->listen() : published;
}

std::string AdminDoors::http_address() const {
  return http_ ? http_->address() : "";
}

void AdminDoors::set_descriptors(std::size_t descriptors) {
  const std::size_t share = share_of(descriptors);
  const admin::AdminLimits limits = socket_limits(share);
  socket_.set_limits(limits.connections, limits.rejected);
  if (http_) http_->set_connection_limit(share);
}

void AdminDoors::leave(std::string_view why) {
  socket_.fail_running_commands(why);
  if (http_) http_->leave(unavailable(why));
}

void AdminDoors::close(std::function<void()> closed, std::string_view why) {
  const auto close_socket = [this, closed = std::move(closed), why = std::string(why)] {
    socket_.close(closed, why);
  };
  if (!http_) return close_socket();
  http_->close(close_socket, unavailable(why));
}

}  // namespace bonedry::proxy
