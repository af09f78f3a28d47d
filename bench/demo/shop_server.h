#pragma once

#include "bench/demo/loop.h"
#include "bench/demo/shop.h"

#include <cstdint>
#include <map>
#include <memory>

namespace bonedry::demo {

/// A shop's HTTP/1.1 keep-alive server on 127.0.0.1.
class ShopServer {
 public:
  /// `port` 0: any free one. Throws std::runtime_error when it cannot listen.
  ShopServer(Loop& loop, Shop& shop, std::uint16_t port);
  ~ShopServer();

  [[nodiscard]] std::uint16_t port() const;

 private:
  class Connection;

  void accept();
  void closed(Connection& connection);

  Loop& loop_;
  Shop& shop_;
  std::map<Connection*, std::unique_ptr<Connection>> connections_;
  UvPtr<uv_tcp_t> listener_;
};

}  // namespace bonedry::demo
